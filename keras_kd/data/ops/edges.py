"""The outlines of an image: its brightness' slope."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from keras_kd.data.filters import along_both, slope
from keras_kd.data.ops.base import FloatOp, parameter
from keras_kd.data.ops.gray import luma


@dataclass(frozen=True)
class Edges(FloatOp):
    """`edges(gain)`: the size of Sobel's gradient of the luma; -1 where nothing changes.

    The kernels are scaled so that a slope of d a pixel has the size d; `gain` times that is added
    to -1, and cut off at 1.
    """

    gain: float = parameter(4.0, "steepness at which an edge is white", low=0, high=64, above=True)

    def apply(self, image, drawn):
        one = luma(image)
        (row_smooth, row_slope), (smooth, steep) = (slope(side) for side in one.shape[:2])
        down = along_both(one, np.float32(row_slope), np.float32(smooth))
        across = along_both(one, np.float32(row_smooth), np.float32(steep))
        size = tf.sqrt(down * down + across * across)
        return tf.minimum(self.gain * size - 1.0, 1.0)
