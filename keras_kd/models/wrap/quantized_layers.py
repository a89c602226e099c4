"""Layers whose kernels are on a grid of a few bits; each knows the plain layer it was made of."""

import keras
import tensorflow as tf
from keras import layers, ops

from keras_kd.models.wrap import rounding
from keras_kd.models.wrap.kernel_grids import LSQKernel, MinMaxKernel, held
from keras_kd.models.wrap.neighbours import Neighbours

GRIDS = {"minmax": MinMaxKernel, "lsq": LSQKernel}


class Quantized(Neighbours):
    """Mixin for a layer with a kernel: its call takes the kernel from its grid.

    Where a fake quantiser stands in front of it, the bias is a whole number of input step times
    kernel step, as a file holds it.

    Args:
        bits: of a weight.
        scheme: a key of `GRIDS`.
        *args, **kwargs: of the layer.
    """

    plain = None  # the layer without a grid
    one_step = False  # whether all channels share a step

    def __init__(self, *args, bits=8, scheme="lsq", **kwargs):
        super().__init__(*args, **kwargs)
        self.bits, self.scheme = bits, scheme

    def build(self, input_shape):
        super().build(input_shape)
        kernel = self.to_grid(self.kernel)
        channels = None if self.one_step else kernel.shape[-1]
        self.grid = GRIDS[self.scheme](self.bits, channels, name="grid", trainable=self.trainable)
        self.grid.build(kernel.shape)

    def to_grid(self, kernel):
        """The kernel with the channels that come out last."""
        return kernel

    def from_grid(self, kernel):
        """As it was before."""
        return kernel

    def start(self):
        """Takes the first steps from the kernel."""
        self.grid.start(self.to_grid(self.kernel))

    def whole(self):
        """(kernel in whole steps int8, steps): what a file holds; of the layer's own form."""
        kernel, steps = self.grid.whole(tf.convert_to_tensor(self.to_grid(self.kernel)))
        return self.from_grid(tf.cast(tf.round(kernel / steps), "int8")), steps

    def plain_weights(self):
        """The weights of a `plain` layer that does the same."""
        kernel, _ = self.grid.whole(tf.convert_to_tensor(self.to_grid(self.kernel)))
        return [self.from_grid(kernel), *([self.bias_in_use()] if self.use_bias else [])]

    def call(self, inputs, training=False):
        before, step = self.steps_before(), self.step_behind()
        if not training and before and step is not None and rounding.is_exact():
            return self._as_held(inputs, *before, step)
        kernel = self.from_grid(self.grid(self.to_grid(self.kernel), training=training))
        outputs = self.product(inputs, kernel)
        return outputs + self.bias_in_use() if self.use_bias else outputs

    def _as_held(self, inputs, step_in, step):
        """What a file of integers gives, by its arithmetic."""
        kernel, steps = self.grid.whole(tf.convert_to_tensor(self.to_grid(self.kernel)))
        unit = step_in * held(steps)
        whole = self.from_grid(tf.round(kernel / steps))
        sums = self.product(rounding.whole(inputs, step_in), whole)
        if self.use_bias:
            sums += tf.round(tf.convert_to_tensor(self.bias) / unit)
        return rounding.requantized(sums, unit, step) * step

    def bias_in_use(self):
        """The bias, in whole steps where those are known; its gradients pass."""
        bias = tf.convert_to_tensor(self.bias)
        before = self.steps_before()
        if before is None:
            return bias
        kernel_steps = self.grid.steps(tf.convert_to_tensor(self.to_grid(self.kernel)))
        steps = before[0] * held(kernel_steps)
        return bias + tf.stop_gradient(tf.round(bias / steps) * steps - bias)

    def product(self, inputs, kernel):
        """What the kernel makes of the inputs."""
        raise NotImplementedError

    def get_config(self):
        return {**super().get_config(), "bits": self.bits, "scheme": self.scheme}


@keras.saving.register_keras_serializable(package="keras_kd")
class QuantizedConv2D(Quantized, layers.Conv2D):
    """A convolution, a step for each filter."""

    plain = layers.Conv2D

    def product(self, inputs, kernel):
        return self.convolution_op(inputs, kernel)


@keras.saving.register_keras_serializable(package="keras_kd")
class QuantizedDepthwiseConv2D(Quantized, layers.DepthwiseConv2D):
    """A depthwise convolution, a step for each channel that comes out."""

    plain = layers.DepthwiseConv2D

    def to_grid(self, kernel):
        return ops.reshape(kernel, (*self.kernel_size, -1))

    def from_grid(self, kernel):
        return ops.reshape(kernel, self.kernel.shape)

    def product(self, inputs, kernel):
        return ops.depthwise_conv(
            inputs, kernel, self.strides, self.padding, dilation_rate=self.dilation_rate
        )


@keras.saving.register_keras_serializable(package="keras_kd")
class QuantizedConv2DTranspose(Quantized, layers.Conv2DTranspose):
    """A transposed convolution, one step for all filters: a converter turns no others around."""

    plain = layers.Conv2DTranspose
    one_step = True

    def product(self, inputs, kernel):
        return ops.conv_transpose(
            inputs, kernel, tuple(self.strides), self.padding, self.output_padding,
            dilation_rate=self.dilation_rate,
        )  # fmt: skip


@keras.saving.register_keras_serializable(package="keras_kd")
class QuantizedDense(Quantized, layers.Dense):
    """A dense layer, one step for all units: a converter turns no others around."""

    plain = layers.Dense
    one_step = True

    def product(self, inputs, kernel):
        return ops.matmul(inputs, kernel)


QUANTIZED = {
    kind.plain: kind
    for kind in (
        QuantizedConv2D, QuantizedConv2DTranspose, QuantizedDense, QuantizedDepthwiseConv2D,
    )
}  # fmt: skip
EIGHT = (layers.Conv2DTranspose, layers.DepthwiseConv2D)  # kernels that no file holds in fewer bits
