"""Mixup as in function matching: one coefficient a batch, partners by rolling it by one.

Reference: H. Zhang et al., "mixup", 2017, arXiv:1710.09412; L. Beyer et al., 2021,
arXiv:2106.05237.
"""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data.ops.base import Mixer, parameter
from keras_kd.data.random_streams import beta


@dataclass(frozen=True)
class Mixup(Mixer):
    """`mixup(alpha)`: the weighted mean of two images, the weight from Beta(alpha, alpha).

    For 1 it is uniform. It is folded to max(a, 1 - a), so that an image is never lighter than its
    partner, and the same for the whole global batch.
    """

    alpha: float = parameter(1.0, "of the Beta(alpha, alpha) of its weight", 0, above=True)

    def draw(self, stream):
        drawn = beta(self.alpha, stream)
        return tf.maximum(drawn, 1.0 - drawn)

    def apply(self, image, partner, drawn):
        return drawn * image + (1.0 - drawn) * partner

    def share(self, drawn):
        return drawn
