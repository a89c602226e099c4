"""Layers whose kernels are on a grid of a few bits; each knows the plain layer it was made of."""

import keras
import tensorflow as tf
from keras import layers, ops

from keras_kd.models.wrap.inputs import maker_of
from keras_kd.models.wrap.kernel_grids import LSQKernel, MinMaxKernel
from keras_kd.models.wrap.points import passes
from keras_kd.models.wrap.ranges import Range

GRIDS = {"minmax": MinMaxKernel, "lsq": LSQKernel}


class Quantized:
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
        self._in_front = []  # functions that give the fake quantisers, which are not its own parts

    def __call__(self, inputs, *args, **kwargs):
        if isinstance(inputs, keras.KerasTensor):
            maker = maker_of(inputs, passes)
            known = [one() for one in self._in_front]
            if isinstance(maker, Range) and maker not in known:
                self._in_front.append(lambda: maker)
        return super().__call__(inputs, *args, **kwargs)

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
        kernel = self.from_grid(self.grid(self.to_grid(self.kernel), training=training))
        outputs = self.product(inputs, kernel)
        return outputs + self.bias_in_use() if self.use_bias else outputs

    def bias_in_use(self):
        """The bias, in whole steps where those are known; its gradients pass."""
        bias = tf.convert_to_tensor(self.bias)
        if len(self._in_front) != 1:  # none, or a layer that is called again behind another one
            return bias
        (in_front,) = self._in_front
        kernel_steps = self.grid.steps(tf.convert_to_tensor(self.to_grid(self.kernel)))
        steps = in_front().step() * kernel_steps
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
