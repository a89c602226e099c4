"""Kernels with what stands around them folded in: batch norms behind, weight standardisation."""

import keras
import numpy as np
from keras.layers import Conv2DTranspose, DepthwiseConv2D

from keras_kd.models.layers import StandardizedConv2D


def folded_weights(layer, norms=()):
    """Kernel and bias of a layer that does what it did with norms behind it; float64 arithmetic.

    Args:
        layer: a built `Conv2D`, `StandardizedConv2D`, `DepthwiseConv2D`, `Conv2DTranspose` or
            `Dense`.
        norms: built `BatchNormalization`s over the channels, in the order in which they run.

    Returns:
        (kernel, bias): float64 arrays; bias None where there is none.
    """
    kernel = float64(layer.kernel)
    if isinstance(layer, StandardizedConv2D):
        kernel = kernel - kernel.mean((0, 1, 2), keepdims=True)
        kernel = kernel / np.sqrt((kernel**2).mean((0, 1, 2), keepdims=True) + 1e-10)
    bias = float64(layer.bias) if layer.use_bias else None
    for norm in norms:
        mean, scale, shift = parts_of(norm)
        kernel = kernel * _beside(scale, layer, kernel)
        bias = ((0.0 if bias is None else bias) - mean) * scale + shift
    return kernel, bias


def _beside(scale, layer, kernel):
    """One factor a channel that comes out, in the form of a kernel."""
    if isinstance(layer, DepthwiseConv2D):
        return scale.reshape(kernel.shape[2:])
    return scale[:, None] if isinstance(layer, Conv2DTranspose) else scale


def parts_of(norm):
    """What a batch norm does in inference, (x - mean) * scale + shift.

    Args:
        norm: a built `BatchNormalization`.

    Returns:
        (mean, scale, shift): float64 `[C]`; without an offset a shift of 0.0.
    """
    mean, variance = float64(norm.moving_mean), float64(norm.moving_variance)
    scale = 1.0 / np.sqrt(variance + norm.epsilon)
    scale = scale * float64(norm.gamma) if norm.scale else scale
    return mean, scale, float64(norm.beta) if norm.center else 0.0


def float64(variable):
    """A Keras variable's values."""
    return np.asarray(keras.ops.convert_to_numpy(variable), "float64")
