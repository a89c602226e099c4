"""Mixup as in function matching: one coefficient a batch, partners by rolling it by one.

Reference: H. Zhang et al., "mixup", 2017, arXiv:1710.09412; L. Beyer et al., 2021,
arXiv:2106.05237.
"""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data.ops.base import Mixer, parameter
from keras_kd.data.random_streams import uniform


@dataclass(frozen=True)
class Mixup(Mixer):
    """`mixup(alpha)`: the weighted mean of two images, the weight from Beta(alpha, alpha).

    For 1 it is uniform. It is folded to max(a, 1 - a), so that an image is never lighter than its
    partner, and the same for the whole global batch.
    """

    alpha: float = parameter(1.0, "of the Beta(alpha, alpha) of its weight", 0, above=True)

    def draw(self, stream):
        drawn = uniform([], stream.key()) if self.alpha == 1 else _beta(stream, self.alpha)
        return tf.maximum(drawn, 1.0 - drawn)

    def apply(self, image, partner, drawn):
        return drawn * image + (1.0 - drawn) * partner

    def share(self, drawn):
        return drawn


def _beta(stream, alpha):
    """One draw from Beta(alpha, alpha), by two gamma variates in the logarithm."""
    # gamma(alpha) = gamma(alpha + 1) * U^(1 / alpha): for a small alpha both variates underflow to
    # zero, their logarithms do not.
    gammas = tf.random.stateless_gamma(
        [2],
        stream.key("gamma"),
        tf.constant(alpha + 1.0, tf.float64),
        dtype=tf.float64,
    )
    powers = tf.random.stateless_uniform([2], stream.key("power"), dtype=tf.float64, alg="philox")
    # 1 - U lies in (0, 1]: no logarithm of zero.
    logs = tf.math.log(gammas) + tf.math.log1p(-powers) / alpha
    return tf.cast(tf.sigmoid(logs[0] - logs[1]), tf.float32)
