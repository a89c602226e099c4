"""RandAugment as in timm, whose recipes call it rand-m7-mstd0.5-inc1.

References: E. D. Cubuk et al., "RandAugment", 2019, arXiv:1909.13719; huggingface/
pytorch-image-models, `timm/data/auto_augment.py`.
"""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data import changes
from keras_kd.data.ops.base import PixelOp, parameter


def _enhanced(level, sign):
    return tf.maximum(0.1, 1.0 + sign * level * 0.09)


# timm's "increasing" 15: a greater magnitude is always the stronger change.
STRENGTHS = {
    "autocontrast": lambda level, sign: level,
    "equalize": lambda level, sign: level,
    "invert": lambda level, sign: level,
    "rotate": lambda level, sign: sign * level * 3.0,  # degrees
    "posterize": lambda level, sign: 4.0 - tf.floor(level * 0.4),  # bits that stay
    "solarize": lambda level, sign: 256.0 - tf.floor(level * 25.6),  # threshold
    "solarize_add": lambda level, sign: tf.floor(level * 11.0),
    "color": _enhanced,
    "contrast": _enhanced,
    "brightness": _enhanced,
    "sharpness": _enhanced,
    "shear_x": lambda level, sign: sign * level * 0.03,
    "shear_y": lambda level, sign: sign * level * 0.03,
    "translate_x": lambda level, sign: sign * level * 0.045,
    "translate_y": lambda level, sign: sign * level * 0.045,
}


@dataclass(frozen=True)
class RandaugmentTimm(PixelOp):
    """`randaugment_timm(count,magnitude,deviation,probability)`: changes drawn out of timm's 15.

    Each of the `count` changes is made with its `probability`, and its strength is drawn: normal
    about `magnitude`, with `deviation`, on a scale to 10.
    """

    count: float = parameter(2, "changes of an image", low=1, high=16, whole=True)
    magnitude: float = parameter(7, "mean strength", low=0, high=changes.HARDEST)
    deviation: float = parameter(0.5, "standard deviation of the strength", low=0, high=100)
    probability: float = parameter(0.5, "of each change to be made", low=0, high=1)
    random = True

    def draw(self, sizes, stream):
        rest = self.magnitude, self.deviation, self.probability
        return changes.draw(STRENGTHS, int(self.count), *rest, sizes, stream)

    def apply(self, image, drawn):
        return changes.apply(image, drawn)
