"""RandAugment: a few changes of colour or geometry, drawn for each image, all equally strong.

Reference: E. D. Cubuk et al., "RandAugment", 2019, arXiv:1909.13719.
"""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data import changes
from keras_kd.data.ops.base import PixelOp, parameter

_FARTHEST = 150 / 331  # share of a side that an image is moved at the most


def _enhanced(level, sign):
    return 1.0 + sign * level * 0.09


# The paper's 14 changes, as strong as in torchvision.
STRENGTHS = {
    changes.IDENTITY: lambda level, sign: level,
    "shear_x": lambda level, sign: sign * level * 0.03,
    "shear_y": lambda level, sign: sign * level * 0.03,
    "translate_x": lambda level, sign: sign * level * (0.1 * _FARTHEST),
    "translate_y": lambda level, sign: sign * level * (0.1 * _FARTHEST),
    "rotate": lambda level, sign: sign * level * 3.0,  # degrees
    "brightness": _enhanced,
    "color": _enhanced,
    "contrast": _enhanced,
    "sharpness": _enhanced,
    "posterize": lambda level, sign: 8.0 - tf.round(level * 0.4),  # bits that stay
    "solarize": lambda level, sign: 255.0 - level * 25.5,  # threshold
    "autocontrast": lambda level, sign: level,
    "equalize": lambda level, sign: level,
}


@dataclass(frozen=True)
class Randaugment(PixelOp):
    """`randaugment(count,magnitude)`: changes drawn out of the paper's 14.

    They are made one after the other, each of `magnitude` on a scale to 10, at which torchvision's
    30 stands.
    """

    count: float = parameter(2, "changes of an image", low=1, high=16, whole=True)
    magnitude: float = parameter(7, "strength of each", low=0, high=changes.HARDEST)
    random = True

    def draw(self, sizes, stream):
        return changes.draw(STRENGTHS, int(self.count), self.magnitude, 0.0, 1.0, sizes, stream)

    def apply(self, image, drawn):
        return changes.apply(image, drawn)
