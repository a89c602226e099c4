"""An image without its colours."""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data.ops.base import FloatOp

WEIGHTS = (0.299, 0.587, 0.114)  # of red, green and blue in the luma of ITU-R BT.601, as Pillow's L


@dataclass(frozen=True)
class Gray(FloatOp):
    """`gray`: the luma, in as many channels as there were; a grey image stays as it is."""

    def apply(self, image, drawn):
        return luma(image)


def luma(image):
    """float32 `[H, W, C]` of equal channels, of one like it; 0.299 R + 0.587 G + 0.114 B."""
    channels = image.shape[-1]
    if channels != len(WEIGHTS):
        return image
    one = tf.reduce_sum(image * tf.constant(WEIGHTS), axis=-1, keepdims=True)
    return tf.repeat(one, channels, axis=-1)
