"""One of an image's channels alone."""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data.ops.base import FloatOp, parameter


@dataclass(frozen=True)
class Channel(FloatOp):
    """`channel(index)`: one channel, in the place of all; 0 is red, 1 green, 2 blue."""

    index: float = parameter(0, "number of the channel, a whole one", low=0, high=2)

    def check(self):
        if self.index % 1:
            raise ValueError(
                "index of channel (number of the channel) must be a whole number, 0, 1 or 2. "
                f"Received: index={self.index!r}"
            )

    def apply(self, image, drawn):
        index, channels = int(self.index), image.shape[-1]
        # Of a grey image there is one, which is all of them.
        one = image[..., min(index, channels - 1), tf.newaxis]
        return tf.repeat(one, channels, axis=-1)
