"""A network as a device runs it: norms folded into kernels, each activation a layer of its own."""

import keras
import numpy as np
from keras import layers

from keras_kd.models.folding import float64, folded_weights, parts_of
from keras_kd.models.layers import StandardizedConv2D
from keras_kd.models.wrap.rebuild import copy_of, in_parts

# Exactly these types, and what they become: a subclass may do anything.
AFFINE = {
    layers.Conv2D: layers.Conv2D,
    StandardizedConv2D: layers.Conv2D,
    layers.DepthwiseConv2D: layers.DepthwiseConv2D,
    layers.Conv2DTranspose: layers.Conv2DTranspose,
    layers.Dense: layers.Dense,
}
FLOAT = {"dtype": "float32"}


def folded(network, name):
    """A float network that gives the same logits, in float32 whatever the policy.

    Batch norms behind a convolution or a dense layer go into its kernel and bias, standardised
    kernels are standardised once, separable convolutions become two; other batch norms of images,
    and `Rescaling`, become depthwise convolutions of one pixel.

    Args:
        network: `keras_kd.models.wrap.graph.Network` that `calls_of` gave.
        name: of the new model.

    Returns:
        a functional `keras.Model` of layers of the same names.
    """
    (norms, gone), names = _norms_behind(network), set()

    def parts_of(call):
        return _parts(call, norms.get(id(call.layer), ()), names)

    return in_parts(network, parts_of, name, gone=gone)[0]


def _norms_behind(network):
    """(the norms that go into each layer, by its id; ids of the calls that are so gone)."""
    readers, times, made_by = {id(network.logits): 1}, {}, {}
    for call in network.calls:
        for tensor in call.tensors:
            readers[id(tensor)] = readers.get(id(tensor), 0) + 1
        times[id(call.layer)] = times.get(id(call.layer), 0) + 1
    norms, gone = {}, set()
    for call in network.calls:
        if _takes_norms(call.layer) and times[id(call.layer)] == 1:
            made_by[id(call.output)] = call
            continue
        before = made_by.get(id(call.tensors[0])) if _is_norm(call) else None
        if before and readers[id(call.tensors[0])] == times[id(call.layer)] == 1:
            norms.setdefault(id(before.layer), []).append(call.layer)
            gone.add(id(call))
            made_by[id(call.output)] = before
    return norms, gone


def _takes_norms(layer):
    kinds = (*AFFINE, layers.SeparableConv2D)
    return type(layer) in kinds and layer.activation is keras.activations.linear


def _is_norm(call):
    """Whether a call is of a batch norm over the channels."""
    if type(call.layer) is not layers.BatchNormalization:
        return False
    axis = call.layer.axis
    axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    return axis in (-1, len(call.shape) - 1)


def _parts(call, norms, names):
    """What a layer becomes: a list of (new layer, its weights)."""
    layer = call.layer
    if type(layer) in AFFINE:
        kernel, bias = folded_weights(layer, norms)
        new = copy_of(layer, _plain(bias), names, AFFINE[type(layer)])
        return [(new, _listed(kernel, bias)), *_activation(layer, new)]
    if type(layer) is layers.SeparableConv2D:
        return _separable(layer, norms, names)
    if len(call.shape) == 4 and _is_norm(call):
        mean, scale, shift = parts_of(layer)
        return [_scaling(layer, scale, shift - mean * scale, names)]
    if len(call.shape) == 4 and type(layer) is layers.Rescaling:
        numbers = (np.broadcast_to(n, call.shape[-1:]) for n in (layer.scale, layer.offset))
        return [_scaling(layer, *numbers, names, trainable=False)]
    # Batch norms that are left stay what they are in inference: nothing is folded in training.
    frozen = isinstance(layer, layers.BatchNormalization)
    new = copy_of(layer, {**FLOAT, "trainable": not frozen}, names)
    return [(new, layer.get_weights())]


def _plain(bias):
    return {**FLOAT, "activation": "linear", "use_bias": bias is not None}


def _listed(kernel, bias):
    return [kernel] if bias is None else [kernel, bias]


def _activation(layer, new):
    """What stands behind a layer's kernel, as one of its own; none where it is linear."""
    if layer.activation is keras.activations.linear:
        return []
    return [(layers.Activation(layer.activation, name=f"{new.name}_activation", **FLOAT), [])]


def _scaling(layer, scale, shift, names, trainable=True):
    """A product and a sum a channel, as a depthwise convolution of one pixel."""
    name = copy_of(layer, {}, names).name
    new = layers.DepthwiseConv2D(1, name=name, trainable=trainable, **FLOAT)
    return new, [np.reshape(scale, (1, 1, -1, 1)), shift]


def _separable(layer, norms, names):
    """A depthwise convolution and one of a pixel, which takes the norms."""
    config, name = layer.get_config(), copy_of(layer, {}, names).name
    shared = ("strides", "padding", "dilation_rate", "data_format", "depth_multiplier")
    depthwise = layers.DepthwiseConv2D(
        layer.kernel_size, use_bias=False, name=f"{name}_depthwise", **FLOAT,
        **{key: config[key] for key in shared},
    )  # fmt: skip
    kernel, bias = folded_weights(_Pointwise(layer), norms)
    pointwise = layers.Conv2D(layer.filters, 1, use_bias=bias is not None, name=name, **FLOAT)
    own = [(depthwise, [float64(layer.depthwise_kernel)]), (pointwise, _listed(kernel, bias))]
    return [*own, *_activation(layer, pointwise)]


class _Pointwise:
    """The second kernel of a separable convolution, as a layer's own."""

    def __init__(self, layer):
        self.kernel, self.use_bias, self.bias = layer.pointwise_kernel, layer.use_bias, layer.bias
