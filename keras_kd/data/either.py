"""One of several mixers, drawn for each batch."""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data.ops.base import Mixer
from keras_kd.data.random_streams import Stream, below, uniform


@dataclass(frozen=True)
class Either(Mixer):
    """`mixup(0.8)|cutmix(1.0)`: each batch by one of these, all as probable.

    Attributes:
        mixers: tuple of `Mixer`. Each draws what it would alone.
    """

    mixers: tuple
    stream = "mix"

    def __post_init__(self):
        """Its mixers are made, and have looked at their own parameters."""

    def __str__(self):
        return "|".join(map(str, self.mixers))

    def draw(self, stream):
        own = (Stream(stream.seed, mixer.stream, stream.counter) for mixer in self.mixers)
        return {
            "which": below(tf.constant(len(self.mixers)), uniform([], stream.key())),
            "each": tuple(mixer.draw(one) for mixer, one in zip(self.mixers, own)),
        }

    def apply(self, image, partner, drawn):
        return tf.ensure_shape(_applied(self.mixers, image, partner, drawn), image.shape)

    def share(self, drawn):
        shares = [mixer.share(own) for mixer, own in zip(self.mixers, drawn["each"])]
        return tf.gather(tf.stack(shares), drawn["which"])


# Traced once for all rows, and not written out in each: branches are slow to trace and to look
# through.
@tf.function(autograph=False, experimental_attributes={"_noinline": True})
def _applied(mixers, image, partner, drawn):
    pairs = zip(mixers, drawn["each"])
    branches = [lambda m=mixer, own=own: m.apply(image, partner, own) for mixer, own in pairs]
    return tf.switch_case(drawn["which"], branches)
