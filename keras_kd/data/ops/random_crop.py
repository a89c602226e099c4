"""A mild random crop: a square anywhere in the image."""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data.ops.base import Crop, parameter
from keras_kd.data.ops.central_crop import parts
from keras_kd.data.random_streams import below, uniform
from keras_kd.utils.crops import EVAL_SCALE


def random_crop_boxes(sizes, seed, scale=EVAL_SCALE, square=True):
    """A square of `1 / scale` of the short side, anywhere in the image.

    Resized to L, it shows what "short side to scale * L, then a random L x L" shows; not square,
    with `1 / scale` of both sides, what "both sides to scale * L, then a random L x L" shows.

    Args:
        sizes: int32 `[B, 2]`.
        seed: int64 `[2]`, or `[B, 2]`, one for each image.
        scale: resized short side, or both sides, over L, at least 1.
        square: whether images keep their aspect ratio.
    """
    sides = parts(sizes, scale, square)
    draw = uniform(tf.shape(sizes), seed)
    return tf.concat([below(sizes - sides + 1, draw), sides], axis=1)


@dataclass(frozen=True)
class RandomCrop(Crop):
    """`random_crop(scale)`: a square of `1 / scale` of the short side, anywhere in the image."""

    scale: float = parameter(EVAL_SCALE, "resized short side over the crop's side", 1)
    random = True

    def draw(self, sizes, stream):
        return random_crop_boxes(sizes, stream.key(), self.scale)
