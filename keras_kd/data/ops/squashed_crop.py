"""The crop of BiT's fine-tuning: a part of the image as if it were resized to a square first.

Reference: google-research/big_transfer, `input_pipeline_tf2_or_jax.py`.
"""

from dataclasses import dataclass

from keras_kd.data.ops.base import Crop, parameter
from keras_kd.data.ops.random_crop import random_crop_boxes
from keras_kd.utils.crops import EVAL_SCALE


@dataclass(frozen=True)
class SquashedCrop(Crop):
    """`squashed_crop(scale)`: `1 / scale` of both sides, anywhere in the image."""

    scale: float = parameter(EVAL_SCALE, "resized sides over the crop's", 1)
    random = True

    def draw(self, sizes, stream):
        return random_crop_boxes(sizes, stream.key(), self.scale, square=False)
