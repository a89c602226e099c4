"""A network cut below its classifier, so that another can stand on its features."""

import keras

from keras_kd.models.answers import ClassOrder
from keras_kd.models.ending import is_transparent, squashing
from keras_kd.models.layers import head
from keras_kd.models.taps import flat_calls


def features_of(model, images):
    """What a model gives below its classifier.

    Args:
        model: functional or `Sequential` Keras model with one image input.
        images: symbolic images to run it on, of any size that its layers take.

    Returns:
        (features, classifier): a symbolic tensor, and the layer that stood on it, dense or a 1x1
        convolution of a single pixel; None where the model ends in features, or gives the classes
        of that layer in another order.
    """
    _, calls, outputs = flat_calls(model, images=images)
    made_by, source = {}, {}
    for operation, args, kwargs, output in calls:
        tensors = [
            t for t in keras.tree.flatten((args, kwargs)) if isinstance(t, keras.KerasTensor)
        ]
        for one in keras.tree.flatten(output):
            made_by[id(one)], source[id(one)] = operation, tensors and tensors[0]
    end = tensor = outputs["logits"]
    ordered = False
    while _passes(made_by.get(id(tensor))):
        ordered = ordered or isinstance(made_by[id(tensor)], ClassOrder)
        tensor = source[id(tensor)]
    operation = made_by.get(id(tensor))
    if not _classifies(operation, tensor):
        return end, None
    tensor = source[id(tensor)]
    while isinstance(made_by.get(id(tensor)), keras.layers.Dropout):
        tensor = source[id(tensor)]
    return tensor, None if ordered else operation


def reheaded(model, images, values, num_classes, keep_head):
    """A network with a new classifier, or with its old one by the house's names.

    Args:
        model: functional or `Sequential` Keras model.
        images: the new network's symbolic input.
        values: what the model sees of it: `images`, or what was made of them.
        num_classes: number of logits.
        keep_head: take the old classifier over where it has as many classes; otherwise the new
            one starts at zero.

    Returns:
        a functional `keras.Model` with `pre_logits` and float32 `logits`.

    Raises:
        ValueError: features of another rank, or a size that its layers do not take.
    """
    features, old = features_of(model, values)
    network = keras.Model(images, head(pooled(features, model), num_classes), name=model.name)
    if keep_head and old is not None and old.weights[0].shape[-1] == num_classes:
        new = network.get_layer("logits")
        new.kernel.assign(keras.ops.reshape(old.weights[0], new.kernel.shape))
        if old.use_bias:
            new.bias.assign(old.weights[1])
    return network


def _passes(operation):
    """Whether only the form of the logits changes here: squashed, reshaped, dropped."""
    weighted = getattr(operation, "variables", ())
    return is_transparent(operation) or bool(squashing(operation) and not weighted)


def _classifies(operation, output):
    """Whether a layer is a classifier: dense, or a 1x1 convolution of a single pixel."""
    dense = isinstance(operation, keras.layers.Dense) and len(output.shape) == 2
    single = isinstance(operation, keras.layers.Conv2D) and (
        tuple(output.shape[1:3]) == (1, 1) == operation.kernel_size
    )
    if not (dense or single):
        return False
    return operation.activation is keras.activations.linear or bool(squashing(operation))


def pooled(features, model):
    """Features as a vector by the name of `pre_logits`.

    Args:
        features: symbolic, `[B, F]` or `[B, H, W, F]`.
        model: the model that gave them, whose own `pre_logits` keeps its name.

    Returns:
        a symbolic tensor `[B, F]`.

    Raises:
        ValueError: features of another rank.
    """
    if len(features.shape) == 4:
        name = None if _has(model, "pre_logits") else "pre_logits"
        return keras.layers.GlobalAveragePooling2D(name=name)(features)
    if len(features.shape) != 2:
        raise ValueError(f"its features have the shape {tuple(features.shape)}")
    if _has(model, "pre_logits"):
        return features
    return keras.layers.Activation("linear", name="pre_logits")(features)


def _has(model, name):
    return any(
        layer.name == name or (isinstance(layer, keras.Model) and _has(layer, name))
        for layer in model.layers
    )
