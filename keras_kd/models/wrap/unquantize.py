"""A network in few bits as a plain one again, for files that hold floats."""

from keras_kd.models.wrap.graph import calls_of
from keras_kd.models.wrap.neighbours import Rounded
from keras_kd.models.wrap.quantized_layers import Quantized
from keras_kd.models.wrap.ranges import InFloat, Range
from keras_kd.models.wrap.rebuild import copy_of, remade


def kernels(model):
    """The layers of a model whose kernels are on grids, a list of `Quantized`."""
    return [layer for layer in getattr(model, "layers", ()) if isinstance(layer, Quantized)]


def is_quantized(model):
    """Whether a model has kernels on grids, as `quantize_aware` makes them."""
    return bool(kernels(model))


def has_ranges(model):
    """Whether a model has fake quantisers behind its layers."""
    return any(isinstance(layer, Range) for layer in getattr(model, "layers", ()))


def refuse_rounded(network, wrapper):
    """Refuses a network that is in few bits already.

    Args:
        network: `keras_kd.models.wrap.graph.Network`.
        wrapper: name of who asks; for errors.

    Raises:
        ValueError: names a layer.
    """
    for call in network.calls:
        if isinstance(call.layer, Quantized | Range):
            raise ValueError(
                f"{wrapper} takes a network in floats. Received: layer {call.layer.name!r} of type "
                f"{type(call.layer).__name__}, which is quantised already. Give the network that "
                "it was made of, or keras_kd.models.wrap.unquantized of it."
            )


def unquantized(model):
    """The plain network whose weights are those of the grids, without the fake quantisers.

    Args:
        model: what `quantize_aware` made; a model in floats is given back as it is.

    Returns:
        a functional `keras.Model` of the layers that were there before.
    """
    if not is_quantized(model):
        return model

    def change(layer, names):
        if isinstance(layer, Range | InFloat):
            return None, []
        if isinstance(layer, Quantized):
            plain = copy_of(layer, {}, names, layer.plain, without=("bits", "scheme"))
            return plain, layer.plain_weights()
        kind = layer.plain if isinstance(layer, Rounded) else None
        return copy_of(layer, {}, names, kind), layer.get_weights()

    return remade(calls_of(model), change, model.name)
