"""A network that goes on where it stopped, as one of its own."""

from keras_kd.models.wrap.graph import calls_of
from keras_kd.models.wrap.rebuild import copy_of, remade

NAME = "continued"


def continued(model, *, input_shape=None):
    """A copy of a network, to train it further without changing the one that others follow.

    For a network that learns in several stages, each with its own losses and teachers: the copy
    starts from the weights that the stage before left. A network in few bits stays one.

    Args:
        model: functional or `Sequential` Keras model, with one input and one output; nested ones
            are opened. It is left as it is.
        input_shape: (height, width, channels) of the copy's images; default: the model's.

    Returns:
        A functional `keras.Model` of layers of the same names, types and weights, all of it
        trainable, in the precision that the model has.

    Raises:
        ValueError: a model of another form, or a size that its layers do not take.
    """
    network = calls_of(model, input_shape, NAME)

    def change(layer, names):
        return copy_of(layer, {}, names), layer.get_weights()

    return remade(network, change, f"{model.name}_{NAME}")
