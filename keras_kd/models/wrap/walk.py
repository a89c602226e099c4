"""What runs through a network: the values of its tensors on some images, call after call."""

import math

import keras
import numpy as np
import tensorflow as tf

NUMBERS = 2**27  # of the largest tensor, over all images: half a gigabyte
ROWS = 16_384  # places of a map, over all images, that a fit looks at
FEW = 32  # images that they are taken from at least


def few_enough(network, images):
    """As many of the images as a `Walk` should hold at once."""
    largest = max(math.prod(call.shape[1:]) for call in network.calls)
    return images[: max(FEW, NUMBERS // largest)]


class Walk:
    """Runs the calls of a network in their order, and holds what later ones take.

    Args:
        network: `Network` that `calls_of` gave.
        images: float array `[N, H, W, C]`.
        layers: dict from the `id` of a layer to the one that is called in its place.
    """

    def __init__(self, network, images, layers=None):
        self._values = {id(network.images): tf.convert_to_tensor(images)}
        self._layers = layers or {}
        self._last = {id(x): id(call) for call in network.calls for x in call.tensors}

    def value(self, tensor):
        """What runs through a symbolic tensor, which a call that is still to come takes."""
        return self._values[id(tensor)]

    def step(self, call):
        """Runs the next call."""
        result = call.again(self._values, self._layers.get(id(call.layer)))
        for x in call.tensors:
            if self._last[id(x)] == id(call):
                self._values.pop(id(x), None)
        self._values[id(call.output)] = result


def is_fitted(call):
    """Whether a call is a linear layer whose kernel can be fitted to what it sees."""
    layer = call.layer
    if type(layer) is keras.layers.Dense:
        return True
    return type(layer) is keras.layers.Conv2D and layer.groups == 1


def rows_in(layer, x):
    """What a layer's kernel is multiplied with, at some places.

    Args:
        layer: one that `is_fitted`.
        x: tensor that goes in.

    Returns:
        float32 array `[M, taps * C]`, in the order of the kernel's rows.
    """
    if isinstance(layer, keras.layers.Dense):
        return _some(np.asarray(x).reshape(-1, x.shape[-1]))
    shape = layer.compute_output_shape(x.shape)
    x = x[: _images(shape)]
    if layer.kernel_size == (1, 1):
        patches = x[:, :: layer.strides[0], :: layer.strides[1]]
    else:
        how = layer.kernel_size, layer.strides, layer.dilation_rate
        patches = tf.image.extract_patches(x, *((1, *two, 1) for two in how), layer.padding.upper())
    return _some(np.asarray(patches).reshape(-1, patches.shape[-1]))


def rows_out(layer, x):
    """What comes out at the places of `rows_in`, before bias and activation, `[M, D]`."""
    kernel = np.asarray(layer.kernel)
    return rows_in(layer, x) @ kernel.reshape(-1, kernel.shape[-1])


def rows_of(x):
    """What stands at the places of `rows_in` of a map `[N, H, W, C]`, `[M, C]`."""
    return _some(np.asarray(x[: _images(x.shape)]).reshape(-1, x.shape[-1]))


def _images(shape):
    """Of how many images the places are taken."""
    return max(FEW, -(-ROWS // (shape[1] * shape[2])))


def _some(rows):
    return rows[:: -(-len(rows) // ROWS)]
