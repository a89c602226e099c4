"""CutMix: a box of one image in the place of the same box of another, one box a batch.

Reference: S. Yun et al., "CutMix", 2019, arXiv:1905.04899.
"""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data.ops.base import Mixer, parameter
from keras_kd.data.random_streams import beta, uniform


@dataclass(frozen=True)
class Cutmix(Mixer):
    """`cutmix(alpha,lines)`: a box of the partner, whose area is drawn from Beta(alpha, alpha).

    Its centre lies anywhere, and what reaches over the rim is cut off. Its edges lie on `lines`
    equal parts of a side, so that images of every size are cut at the same places: between pixels
    where the side is a multiple of it; else the pixels on an edge are mixed. An image is never the
    lighter part: where the box is more than half, it is the image's that is kept.
    """

    alpha: float = parameter(1.0, "of the Beta(alpha, alpha) of its share", 0, above=True)
    lines: float = parameter(32, "parts of a side", low=2, high=4096, whole=True)

    def draw(self, stream):
        """Edges of the box in parts, int32 `[2, 2]` (top and left, bottom and right), and whether
        the image is what lies in it."""
        half = 0.5 * tf.sqrt(1.0 - beta(self.alpha, stream))
        centre = uniform([2], stream.key("centre"))
        edges = tf.clip_by_value(tf.stack([centre - half, centre + half]), 0.0, 1.0)
        edges = tf.cast(tf.round(edges * self.lines), tf.int32)
        return {"edges": edges, "kept": self._covered(edges) > 0.5}

    def _covered(self, edges):
        """Share of an image that lies in a box."""
        area = tf.reduce_prod(edges[1] - edges[0])
        return tf.cast(area, tf.float32) / self.lines**2

    def apply(self, image, partner, drawn):
        rows, columns = (
            _inside(side, tf.cast(drawn["edges"][:, axis], tf.float32) * (side / self.lines))
            for axis, side in enumerate(image.shape[:2])
        )
        box = rows[:, None, None] * columns[:, None]
        own = tf.where(drawn["kept"], box, 1.0 - box)
        return own * image + (1.0 - own) * partner

    def share(self, drawn):
        covered = self._covered(drawn["edges"])
        return tf.maximum(covered, 1.0 - covered)


def _inside(side, edges):
    """Share of each of so many pixels that lies between two edges, in pixels: float32 `[side]`."""
    begins = tf.range(side, dtype=tf.float32)
    low, high = (tf.clip_by_value(edge - begins, 0.0, 1.0) for edge in tf.unstack(edges))
    return high - low
