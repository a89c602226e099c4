"""What holds a tensor between two layers on 256 steps while a network is trained: fake quantisers.

Zero is always one of the steps. In inference they round as a file does; for a converter, and in
training where ranges are not learned, TensorFlow's own operation does, which tells the range.
"""

import keras
import tensorflow as tf

from keras_kd.models.wrap import rounding
from keras_kd.models.wrap.grids import ACTIVATIONS, learned
from keras_kd.models.wrap.inputs import maker_of
from keras_kd.models.wrap.points import is_fused

MOMENTUM = 0.99  # of moving ranges
TINY = 1e-6
ULP = 2.0**-23


class Range(keras.layers.Layer):
    """A tensor `[B, ...]` in 256 steps, in float32."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def start(self, low, high):
        """Takes the first range, two floats."""

    def ends(self):
        """(smallest, largest) number that stays as it is, tensors."""
        raise NotImplementedError

    def step(self):
        """The difference of two neighbours, a tensor."""
        low, high = (tf.cast(end, tf.float64) for end in self.ends())
        return tf.cast((high - low) / ACTIVATIONS, tf.float32)  # as a converter finds it

    def __call__(self, inputs, *args, **kwargs):
        maker = maker_of(inputs, is_fused)
        if hasattr(maker, "stands_before"):
            maker.stands_before(self)
        return super().__call__(inputs, *args, **kwargs)

    def call(self, inputs, training=False):
        if training or not rounding.is_exact():
            return self.marked(inputs)
        step = self.step()
        below = tf.round(-self.ends()[0] / step)
        return tf.clip_by_value(rounding.whole(inputs, step), -below, ACTIVATIONS - below) * step

    def marked(self, inputs):
        """By the operation from which a converter reads the range."""
        low, high = self.ends()
        return tf.quantization.fake_quant_with_min_max_vars(
            inputs, tf.stop_gradient(low), tf.stop_gradient(high)
        )

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="keras_kd")
class FixedRange(Range):
    """A range that is known beforehand.

    Args:
        low, high: its ends.
    """

    def __init__(self, low, high, **kwargs):
        super().__init__(**kwargs)
        self.low, self.high = low, high

    def ends(self):
        return tf.constant(self.low), tf.constant(self.high)

    def get_config(self):
        return {**super().get_config(), "low": self.low, "high": self.high}


@keras.saving.register_keras_serializable(package="keras_kd")
class MinMaxRange(Range):
    """Moving averages of the smallest and largest number of a batch.

    Of several replicas each looks at its own share, and the mean of theirs is kept.

    Reference: Jacob et al. 2017, arXiv 1712.05877.
    """

    def build(self, input_shape):
        self.low = self.add_weight(shape=(), initializer="zeros", trainable=False, name="low")
        self.high = self.add_weight(shape=(), initializer="ones", trainable=False, name="high")

    def start(self, low, high):
        self.low.assign(min(low, 0.0))
        self.high.assign(max(high, TINY))

    def ends(self):
        return tf.convert_to_tensor(self.low), tf.convert_to_tensor(self.high)

    def call(self, inputs, training=False):
        if training:
            seen = tf.minimum(tf.reduce_min(inputs), 0.0), tf.maximum(tf.reduce_max(inputs), TINY)
            for end, found in zip((self.low, self.high), seen):
                end.assign(end * MOMENTUM + tf.stop_gradient(found) * (1 - MOMENTUM))
        return super().call(inputs, training)


@keras.saving.register_keras_serializable(package="keras_kd")
class LSQRange(Range):
    """A learned step, as its logarithm; how many of the steps lie below zero is fixed at first.

    Behind a ReLU that is none, which is the paper's unsigned grid.

    Reference: Esser et al. 2019, arXiv 1902.08153.
    """

    def build(self, input_shape):
        self.numbers = 1
        for size in input_shape[1:]:  # of one image, as in the paper; a size may be left open
            self.numbers *= size or 1
        self.log_step = self.add_weight(shape=(), initializer="zeros", name="log_step")
        self.below = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="steps_below_zero"
        )

    def start(self, low, high):
        low, high = min(low, 0.0), max(high, TINY)
        step = (high - low) / ACTIVATIONS
        self.below.assign(round(-low / step))
        self.log_step.assign(keras.ops.log(step))

    def ends(self):
        step, below = tf.exp(tf.convert_to_tensor(self.log_step)), tf.convert_to_tensor(self.below)
        return -below * step, (ACTIVATIONS - below) * step

    def call(self, inputs, training=False):
        if not training:
            return super().call(inputs, training)
        below = tf.convert_to_tensor(self.below)
        above = ACTIVATIONS - below
        scale = tf.math.rsqrt(self.numbers * tf.maximum(above, 1.0))
        return learned(inputs, tf.exp(tf.convert_to_tensor(self.log_step)), -below, above, scale)


@keras.saving.register_keras_serializable(package="keras_kd")
class InFloat(keras.layers.Layer):
    """What comes behind stays in float32: a converter takes no rounded tensor through a product.

    The factor is the smallest above one, for a product with one would be left out.
    """

    def call(self, inputs):
        return inputs * (1.0 + ULP)

    def compute_output_shape(self, input_shape):
        return input_shape
