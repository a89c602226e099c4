"""What a model ends in: logits, or something that squashes them."""

import keras

SQUASHING = ("softmax", "sigmoid", "log_softmax", "log_sigmoid", "hard_sigmoid")
# Layers that leave the values of the logits alone, behind which an activation may stand.
TRANSPARENT = (keras.layers.Flatten, keras.layers.Reshape, keras.layers.Dropout)


def ends_in_probabilities(model):
    """The softmax or sigmoid that ends a model, looking through layers that only reshape.

    Args:
        model: any model; one without a symbolic graph tells nothing.

    Returns:
        its name, or None.
    """
    if not getattr(model, "outputs", None):
        return None
    operation = model.outputs[0]._keras_history.operation
    while True:
        if isinstance(operation, keras.Model):
            return ends_in_probabilities(operation)
        if isinstance(operation, keras.layers.Softmax):
            return "softmax"
        kind = type(operation).__name__
        if not isinstance(operation, keras.layers.Layer):
            return kind.lower() if kind in ("Softmax", "Sigmoid", "LogSoftmax") else None
        activation = getattr(operation, "activation", None)
        name = getattr(activation, "__name__", type(activation).__name__.lower())
        if name in SQUASHING:
            return name
        passes = isinstance(operation, TRANSPARENT) or (
            isinstance(operation, keras.layers.Activation) and name == "linear"
        )
        if not passes:
            return None
        operation = operation.input._keras_history.operation
