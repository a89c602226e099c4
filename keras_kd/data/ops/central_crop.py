"""The central square, as models are evaluated."""

import math
from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data.ops.base import Crop, parameter
from keras_kd.utils.crops import EVAL_SCALE, as_quotient


def check_scale(name, scale):
    """Refuses what is no resized short side over the side of a crop.

    Raises:
        ValueError: names what was received.
    """
    if not 1 <= scale < math.inf:
        raise ValueError(f"{name} must be finite and at least 1. Received: {name}={scale!r}")


def parts(sizes, scale, square=True):
    """`1 / scale` of the short side, squares, or else of both sides; int32 `[B, 2]`."""
    if square:
        sizes = tf.repeat(tf.reduce_min(sizes, axis=1, keepdims=True), 2, axis=1)
    # As `keras_kd.utils.crops.central_side`: with floats, the last bit would decide where half a
    # pixel is left, and TensorFlow's graphs round that bit otherwise than its eager mode.
    p, q = as_quotient(scale)
    sides = tf.cast((2 * q * tf.cast(sizes, tf.int64) + p - 1) // (2 * p), tf.int32)
    return tf.clip_by_value(sides, 1, sizes)


def central_boxes(sizes, scale=EVAL_SCALE):
    """The central square of `1 / scale` of the short side.

    Resized to L, it shows what "short side to scale * L, then the central L x L" shows, with one
    interpolation in place of two.

    Args:
        sizes: int32 `[B, 2]`.
        scale: resized short side over L, at least 1.
    """
    side = parts(sizes, scale)
    return tf.concat([(sizes - side) // 2, side], axis=1)


@dataclass(frozen=True)
class CentralCrop(Crop):
    """`central_crop(scale)`: the central square of `1 / scale` of the short side."""

    scale: float = parameter(EVAL_SCALE, "resized short side over the crop's side", 1)

    def draw(self, sizes, stream):
        return central_boxes(sizes, self.scale)
