"""A box of an image in grey: what stands there must be known by the rest.

Reference: Z. Zhong et al., "Random Erasing Data Augmentation", 2017, arXiv:1708.04896.
"""

import math
from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data.affine import FILL
from keras_kd.data.ops.base import PixelOp, parameter
from keras_kd.data.random_streams import uniform


@dataclass(frozen=True)
class RandomErasing(PixelOp):
    """`random_erasing(probability,area_low,area_high,aspect)`: a grey box, anywhere in the image.

    Its area is uniform from `area_low` to `area_high`, its height over its width, in shares of the
    image's, log-uniform from `aspect` to its inverse. A box that would be longer than a side ends
    with it. With a `probability` below 1 some images stay whole.
    """

    probability: float = parameter(0.25, "of an image to lose a box", low=0, high=1)
    area_low: float = parameter(0.02, "smallest share of the image", 0, 1, above=True)
    area_high: float = parameter(1 / 3, "largest share of the image", 0, 1, above=True)
    aspect: float = parameter(0.3, "least height over width", 0, 1, above=True)
    random = True

    def check(self):
        if self.area_low > self.area_high:
            raise ValueError(
                "area_low of random_erasing must be at most area_high. Received: "
                f"area_low={self.area_low!r}, area_high={self.area_high!r}"
            )

    def draw(self, sizes, stream):
        """Edges of the boxes in shares of the sides, float32 `[B, 2, 2]`: top and left, bottom and
        right; a box of nothing where an image stays whole."""
        count = tf.shape(sizes)[0]
        draws = uniform([count, 5], stream.key())
        made, area, aspect = draws[:, 0], draws[:, 1], draws[:, 2]
        area = self.area_low + (self.area_high - self.area_low) * area
        root = tf.exp((aspect - 0.5) * -math.log(self.aspect))
        sides = tf.minimum(tf.stack([tf.sqrt(area) * root, tf.sqrt(area) / root], axis=1), 1.0)
        sides = tf.where((made < self.probability)[:, None], sides, 0.0)
        corner = (1.0 - sides) * draws[:, 3:]
        return tf.stack([corner, corner + sides], axis=1)

    def apply(self, image, drawn):
        sides = tf.shape(image)[:2]
        edges = tf.cast(tf.round(drawn * tf.cast(sides, tf.float32)), tf.int32)
        rows, columns = (
            (tf.range(sides[axis]) >= edges[0, axis]) & (tf.range(sides[axis]) < edges[1, axis])
            for axis in (0, 1)
        )
        erased = (rows[:, None] & columns[None])[..., None]
        return tf.where(erased, tf.cast(FILL, tf.uint8), image)
