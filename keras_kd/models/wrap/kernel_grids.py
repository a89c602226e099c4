"""What holds a kernel on a grid of a few bits while it is trained: one layer a scheme.

In inference each ends in TensorFlow's own fake quantisation, by which a converter knows the steps.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_kd.models.wrap.grids import largest, learned, on_grid, passing

# A channel's step, as a share of the largest: below it, a bias would not fit into 32 bits of steps.
LEAST = 1e-3
TINY = 1e-8


class KernelGrid(keras.layers.Layer):
    """A kernel `[..., C]`, each channel on a grid of its own step, in float32.

    Args:
        bits: 8, 4, 3 or 2.
        channels: C, or None for one step for all.
    """

    def __init__(self, bits, channels, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.bits, self.channels = bits, channels

    def build(self, kernel_shape):
        self.built = True

    @property
    def shape_of_steps(self):
        return () if self.channels is None else (self.channels,)

    def start(self, kernel):
        """Takes the first steps from a kernel, an array."""

    def steps(self, kernel):
        """float32 `[C]` or `[]`, all positive."""
        raise NotImplementedError

    def trained(self, kernel):
        """The kernel on its grid, with gradients."""
        raise NotImplementedError

    def call(self, kernel, training=False):
        kernel = tf.convert_to_tensor(kernel)
        return self.trained(kernel) if training else marked(*self.whole(kernel))

    def whole(self, kernel):
        """(kernel on its grid, steps)."""
        steps, limit = self.steps(kernel), largest(self.bits)
        return on_grid(kernel, steps, -limit, limit), steps

    def _largest(self, kernel):
        axes = list(range(len(kernel.shape) - len(self.shape_of_steps)))
        return tf.reduce_max(tf.abs(kernel), axes)


class MinMaxKernel(KernelGrid):
    """The largest weight of a channel is the end of its grid, at every step anew."""

    def steps(self, kernel):
        found = tf.stop_gradient(self._largest(kernel)) / largest(self.bits)
        return tf.maximum(found, tf.maximum(LEAST * tf.reduce_max(found), TINY))

    def trained(self, kernel):
        limit = largest(self.bits)
        return passing(kernel, self.steps(kernel), -limit, limit)


class LSQKernel(KernelGrid):
    """Steps are learned, as their logarithms: they stay positive, and a rate is a share of them."""

    def build(self, kernel_shape):
        self.numbers = int(np.prod(kernel_shape)) // max(1, self.channels or 1)
        self.log_step = self.add_weight(
            shape=self.shape_of_steps, initializer="zeros", name="log_step"
        )
        super().build(kernel_shape)

    def start(self, kernel):
        """2 mean|w| / sqrt(limit), as the paper; less where no weight would reach the grid's end.

        At 8 bits the paper's first grid is ten times as wide as the weights are.
        """
        kernel, limit = np.abs(np.asarray(kernel, "float64")), largest(self.bits)
        axes = tuple(range(kernel.ndim - len(self.shape_of_steps)))
        steps = np.minimum(2 * kernel.mean(axes) / limit**0.5, kernel.max(axes) / limit)
        steps = np.maximum(steps, max(LEAST * steps.max(), TINY))
        self.log_step.assign(np.log(steps))

    def steps(self, kernel):
        return tf.exp(tf.convert_to_tensor(self.log_step))

    def trained(self, kernel):
        limit = largest(self.bits)
        scale = (self.numbers * limit) ** -0.5
        return learned(kernel, self.steps(kernel), -limit, limit, scale)


def marked(kernel, steps):
    """A kernel on its grid, the same, through an operation that tells a converter the steps."""
    end = largest(8) * steps
    mark = tf.quantization.fake_quant_with_min_max_vars
    if steps.shape.rank:
        mark = tf.quantization.fake_quant_with_min_max_vars_per_channel
    return mark(kernel, -end, end, num_bits=8, narrow_range=True)


def held(steps):
    """Steps as a converter computes them from the ends that `marked` gives it, a last bit aside."""
    end = tf.cast(largest(8) * steps, tf.float64)
    return tf.cast((end + end) / (2 * largest(8)), tf.float32)
