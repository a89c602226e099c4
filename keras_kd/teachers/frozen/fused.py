"""The operations of a folded network: they hold plain arrays and know nothing of training."""

import keras
import numpy as np
import tensorflow as tf
from keras.layers import Dense, DepthwiseConv2D

from keras_kd.models.folding import float64, folded_weights


class Arrays:
    """Holds float32 arrays that become constants of the function that reads them.

    `keep_as_variables` makes variables of them instead, for networks too large for constants.
    """

    def hold(self, **arrays):
        """Takes the arrays, each of any float type, or None."""
        self._held = {k: None if a is None else _float32(a) for k, a in arrays.items()}
        self.nbytes = sum(a.nbytes for a in self._held.values() if a is not None)

    def keep_as_variables(self):
        """Makes variables of the arrays, in the scope of the current strategy."""
        self._held = {
            k: None if a is None else tf.Variable(a, trainable=False) for k, a in self._held.items()
        }

    def read(self, name, dtype):
        """The array as a tensor, or None."""
        held = self._held[name]
        return None if held is None else tf.cast(tf.convert_to_tensor(held), dtype)


class FusedAffine(Arrays):
    """A convolution, depthwise convolution or dense layer with whatever was folded into it.

    First it takes what stands around the layer, then `finish` computes kernel and bias.

    Args:
        layer: the built layer whose weights, geometry and activation hold.
    """

    def __init__(self, layer):
        self._layer, self._norms = layer, []
        self.compute_dtype = layer.compute_dtype
        self._padding = layer.padding.upper() if hasattr(layer, "padding") else None
        self._pads = [[0, 0]] * 4
        self._linear = layer.activation is keras.activations.linear

    def take_padding(self, pad):
        """Takes over a zero padding in front; False where it cannot."""
        if self._padding != "VALID" or isinstance(self._layer, DepthwiseConv2D):
            return False  # TensorFlow's depthwise kernel is slow with explicit padding
        if pad.data_format != "channels_last":
            return False
        sides = [list(map(int, side)) for side in pad.padding]
        extent = [d * (k - 1) for d, k in zip(self._layer.dilation_rate, self._layer.kernel_size)]
        half = [[r // 2, r - r // 2] for r in extent]
        if set(self._layer.strides) == {1} and sides == half:
            self._padding = "SAME"
        else:
            self._padding, self._pads = "EXPLICIT", [[0, 0], *sides, [0, 0]]
        return True

    def take_batch_norm(self, norm):
        """Takes over a batch norm behind; False where it cannot."""
        axis = norm.axis[0] if isinstance(norm.axis, list | tuple) else norm.axis
        if not self._linear or axis not in (-1, len(self._layer.output.shape) - 1):
            return False
        self._norms.append(norm)
        return True

    def finish(self):
        """Computes kernel and bias in float64, of which nothing is kept but float32."""
        kernel, bias = folded_weights(self._layer, self._norms)
        self.hold(kernel=kernel, bias=bias)

    def __call__(self, x):
        dtype, layer = self.compute_dtype, self._layer
        x = tf.cast(x, dtype)
        kernel, bias = self.read("kernel", dtype), self.read("bias", dtype)
        if isinstance(layer, Dense):
            x = tf.matmul(x, kernel) if x.shape.rank == 2 else tf.tensordot(x, kernel, 1)
        elif isinstance(layer, DepthwiseConv2D):
            x = self._depthwise(x, kernel)
        else:
            padding = self._pads if self._padding == "EXPLICIT" else self._padding
            x = tf.nn.conv2d(x, kernel, layer.strides, padding, dilations=layer.dilation_rate)
        x = x if bias is None else x + bias
        return x if self._linear else layer.activation(x)

    def _depthwise(self, x, kernel):
        rows, columns = self._layer.strides
        if rows == columns:
            return tf.nn.depthwise_conv2d(
                x, kernel, [1, rows, columns, 1], self._padding, dilations=self._layer.dilation_rate
            )
        return keras.ops.depthwise_conv(
            x, kernel, (rows, columns), self._padding.lower(), dilation_rate=1
        )


class FusedGroupNorm(Arrays):
    """Group norm as one multiplication and one addition per pixel, float32 inside.

    Args:
        layer: a built `keras_kd.models.layers.GroupNorm`.
    """

    def __init__(self, layer):
        self.compute_dtype, self._epsilon = layer.compute_dtype, layer.epsilon
        channels = int(layer.gamma.shape[0])
        self._groups = layer.groups or min(32, channels)
        self.hold(gamma=float64(layer.gamma), beta=float64(layer.beta))

    def __call__(self, x):
        x = tf.cast(x, "float32")
        _, height, width, channels = x.shape
        size = channels // self._groups
        known = height is not None and width is not None
        pixels = height * width if known else tf.shape(x)[1] * tf.shape(x)[2]
        split = tf.reshape(x, [-1, pixels, self._groups, size])
        mean = tf.reduce_mean(split, [1, 3], keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(split, mean), [1, 3], keepdims=True)
        # [B, 1, 1, C]: per channel, so that the large tensor is touched once more only.
        scale = tf.math.rsqrt(variance + self._epsilon)
        scale = scale * tf.reshape(self.read("gamma", "float32"), [1, 1, self._groups, size])
        shift = tf.reshape(self.read("beta", "float32"), [1, 1, self._groups, size]) - mean * scale
        scale = tf.reshape(scale, [-1, 1, 1, channels])
        shift = tf.reshape(shift, [-1, 1, 1, channels])
        return tf.cast(x * scale + shift, self.compute_dtype)


def _float32(array):
    return np.asarray(array, "float32")
