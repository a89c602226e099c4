"""An image as it is after it was saved as JPEG."""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data.jpeg import DCT
from keras_kd.data.ops.base import PixelOp, parameter
from keras_kd.data.random_streams import below, uniform


@dataclass(frozen=True)
class JpegQuality(PixelOp):
    """`jpeg_quality(low,high)`: encoded in a quality from `low` to `high`, and decoded again."""

    low: float = parameter(30, "lowest quality", low=1, high=100, whole=True)
    high: float = parameter(95, "highest quality", low=1, high=100, whole=True)
    random = True

    def check(self):
        if self.low > self.high:
            raise ValueError(
                f"low of jpeg_quality must be at most high. Received: low={self.low!r}, "
                f"high={self.high!r}"
            )

    def draw(self, sizes, stream):
        draws = uniform(tf.shape(sizes)[:1], stream.key())
        count = int(self.high) - int(self.low) + 1
        return int(self.low) + below(tf.fill(tf.shape(draws), count), draws)

    def apply(self, image, drawn):
        encoded = tf.raw_ops.EncodeJpegVariableQuality(images=image, quality=drawn)
        return tf.image.decode_jpeg(encoded, image.shape[-1], dct_method=DCT)
