"""Some of the images without their colours."""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data import colors
from keras_kd.data.ops.base import PixelOp, parameter
from keras_kd.data.random_streams import uniform


@dataclass(frozen=True)
class Grayscale(PixelOp):
    """`grayscale(probability)`: some images without colour, `gray` is for all of them."""

    probability: float = parameter(0.2, "of an image to lose its colours", low=0, high=1)
    random = True

    def draw(self, sizes, stream):
        return uniform(tf.shape(sizes)[:1], stream.key()) < self.probability

    def apply(self, image, drawn):
        return tf.cond(drawn, lambda: colors.grayscale(image), lambda: image)
