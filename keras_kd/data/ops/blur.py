"""An image out of focus."""

from dataclasses import dataclass

import numpy as np

from keras_kd.data.filters import along_both, gaussian
from keras_kd.data.ops.base import FloatOp, parameter


@dataclass(frozen=True)
class Blur(FloatOp):
    """`blur(sigma)`: a Gaussian filter; what lies beyond an edge is like the edge."""

    sigma: float = parameter(1.0, "standard deviation in pixels", low=0, high=64, above=True)

    def apply(self, image, drawn):
        rows, columns = (gaussian(side, self.sigma) for side in image.shape[:2])
        return along_both(image, np.float32(rows), np.float32(columns))
