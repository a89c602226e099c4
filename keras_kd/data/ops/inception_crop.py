"""Inception crops: random area and aspect ratio, anywhere in the image.

Reference: C. Szegedy et al., "Going Deeper with Convolutions", 2014, arXiv:1409.4842.
"""

import math
from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data.ops.base import Crop, parameter
from keras_kd.data.random_streams import below, uniform
from keras_kd.utils.crops import CROP_AREA, CROP_ASPECT

MAX_TRIES = 10


def inception_crop_boxes(sizes, seed, area=CROP_AREA, aspect=CROP_ASPECT):
    """Boxes of random area and aspect ratio.

    Up to ten pairs of an area (uniform) and an aspect ratio (log-uniform) are drawn for each image
    and the first that fits is taken; where none fits, the largest central box whose aspect ratio
    lies within the bounds.

    Args:
        sizes: int32 `[B, 2]`.
        seed: int64 `[2]`, or `[B, 2]`, one for each image.
        area: lowest and highest fraction of the image's area, in (0, 1].
        aspect: lowest and highest width over height.
    """
    height, width = tf.unstack(tf.cast(sizes, tf.float32)[:, :, None], axis=1)  # [B, 1] each
    draws = uniform([tf.shape(sizes)[0], 2 * MAX_TRIES + 2], seed)
    areas = (area[0] + (area[1] - area[0]) * draws[:, :MAX_TRIES]) * height * width
    low, high = math.log(aspect[0]), math.log(aspect[1])
    root = tf.exp(0.5 * (low + (high - low) * draws[:, MAX_TRIES : 2 * MAX_TRIES]))
    tries = tf.stack([tf.round(tf.sqrt(areas) / root), tf.round(tf.sqrt(areas) * root)], axis=2)
    fits = tf.reduce_all(
        (tries >= 1) & (tries <= tf.cast(sizes, tf.float32)[:, None, :]), axis=2
    )  # [B, tries]
    first = tf.argmax(fits, axis=1, output_type=tf.int32)
    drawn = tf.cast(tf.gather(tries, first, batch_dims=1), tf.int32)
    found = tf.reduce_any(fits, axis=1, keepdims=True)
    central = _largest_central(sizes, aspect)
    offsets = below(sizes - drawn + 1, draws[:, 2 * MAX_TRIES :])
    return tf.where(found, tf.concat([offsets, drawn], axis=1), central)


def _largest_central(sizes, aspect):
    """The largest central boxes with an aspect ratio between two bounds."""
    height, width = tf.unstack(tf.cast(sizes, tf.float32), axis=1)
    inside = tf.stack(
        [tf.minimum(height, width / aspect[0]), tf.minimum(width, height * aspect[1])], axis=1
    )
    inside = tf.clip_by_value(tf.cast(tf.round(inside), tf.int32), 1, sizes)
    return tf.concat([(sizes - inside) // 2, inside], axis=1)


@dataclass(frozen=True)
class InceptionCrop(Crop):
    """`inception_crop(area_low,area_high,aspect_low,aspect_high)`: random area, shape and place."""

    area_low: float = parameter(CROP_AREA[0], "smallest share of the image", 0, 1, above=True)
    area_high: float = parameter(CROP_AREA[1], "largest share of the image", 0, 1, above=True)
    aspect_low: float = parameter(CROP_ASPECT[0], "least width over height", 0, above=True)
    aspect_high: float = parameter(CROP_ASPECT[1], "greatest width over height", 0, above=True)
    random = True

    def check(self):
        for low, high in (("area_low", "area_high"), ("aspect_low", "aspect_high")):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(
                    f"{low} of inception_crop must be at most {high}. Received: "
                    f"{low}={getattr(self, low)!r}, {high}={getattr(self, high)!r}"
                )

    def draw(self, sizes, stream):
        area, aspect = (self.area_low, self.area_high), (self.aspect_low, self.aspect_high)
        return inception_crop_boxes(sizes, stream.key(), area, aspect)
