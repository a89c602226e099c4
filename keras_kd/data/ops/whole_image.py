"""The image as it is."""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data.ops.base import Crop


def full_boxes(sizes):
    """Boxes `[B, 4]` of whole images of these sizes, int32 `[B, 2]`."""
    return tf.concat([tf.zeros_like(sizes), sizes], axis=1)


@dataclass(frozen=True)
class WholeImage(Crop):
    """`whole_image`: nothing is cut off; resized, an image becomes a square whatever its shape."""

    def draw(self, sizes, stream):
        return full_boxes(sizes)
