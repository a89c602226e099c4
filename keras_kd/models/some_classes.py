"""Networks that know only some of the data's classes."""

import keras
from keras import ops

from keras_kd.models.ending import last_operation

UNKNOWN = -1e4  # stands for the logit of a class that is not known: no softmax lets it through


@keras.saving.register_keras_serializable(package="keras_kd")
class SomeClasses(keras.layers.Layer):
    """Logits `[B, N]` of a network as those `[B, K]` of the data's classes, of which it lacks some.

    Args:
        indices: for each class of the data its place among the network's, or -1; K ints.
    """

    def __init__(self, indices, **kwargs):
        super().__init__(**kwargs)
        self.indices = [int(index) for index in indices]
        self.num_outputs = None  # N, once it is built

    def build(self, input_shape):
        self.num_outputs = input_shape[-1]
        self.built = True

    @property
    def known(self):
        """Indices of the data's classes that the network knows, a list."""
        return [place for place, index in enumerate(self.indices) if index >= 0]

    def call(self, logits):
        taken = ops.take(logits, [max(0, index) for index in self.indices], axis=-1)
        is_known = ops.convert_to_tensor([index >= 0 for index in self.indices])
        return ops.where(is_known, taken, ops.cast(UNKNOWN, taken.dtype))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], len(self.indices))

    def get_config(self):
        return {**super().get_config(), "indices": self.indices}


def known_classes(model):
    """Indices of the data's classes that a model knows, a list; None: all, as far as is known."""
    last = last_operation(model)
    return last.known if isinstance(last, SomeClasses) else None


def only(classes, logits):
    """Logits of which a softmax sees some classes alone.

    Args:
        classes: their indices; None or empty: all.
        logits: `[B, K]`.

    Returns:
        float32 `[B, K]`; those of the other classes are `UNKNOWN`, and no gradient reaches them.
    """
    logits = ops.cast(logits, "float32")
    if not classes:
        return logits
    chosen = [one in classes for one in range(logits.shape[-1])]
    return ops.where(ops.convert_to_tensor(chosen), logits, UNKNOWN)


def knowing(model, classes, num_classes):
    """A network of some classes as one of all the data's, of which it knows these.

    Args:
        model: functional Keras model of logits `[B, N]`.
        classes: for each logit the index of its class among the data's, N in all; None or empty:
            it knows all.
        num_classes: number of the data's classes, K.

    Returns:
        a `keras.Model` of logits `[B, K]`, whose layers are the model's.
    """
    if not classes or list(classes) == list(range(num_classes)):
        return model
    places = [classes.index(each) if each in classes else -1 for each in range(num_classes)]
    # In float32, as the logits are, whatever policy is set.
    some = SomeClasses(places, name="classes", dtype="float32")
    return keras.Model(model.inputs[0], some(model.outputs[0]), name=model.name)
