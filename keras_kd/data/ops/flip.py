"""Half of the images mirrored left to right."""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data.ops.base import PixelOp
from keras_kd.data.random_streams import uniform


@dataclass(frozen=True)
class Flip(PixelOp):
    """`flip`: mirrors half of the images; leave it out where left and right have a meaning."""

    random = True

    def draw(self, sizes, stream):
        return uniform(tf.shape(sizes)[:1], stream.key()) < 0.5

    def apply(self, image, drawn):
        return tf.cond(drawn, lambda: tf.reverse(image, [1]), lambda: image)
