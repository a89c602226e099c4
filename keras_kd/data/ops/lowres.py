"""An image as a camera of few pixels gives it."""

from dataclasses import dataclass

import numpy as np

from keras_kd.data.filters import along_both, fewer_pixels
from keras_kd.data.ops.base import FloatOp, parameter


@dataclass(frozen=True)
class Lowres(FloatOp):
    """`lowres(side)`: means over the pixels of a coarser grid, interpolated to the size it had."""

    side: float = parameter(8, "pixels a side of the coarser grid, whole", low=1, high=4096)

    def check(self):
        if self.side % 1:
            raise ValueError(
                "side of lowres (pixels a side of the coarser grid, whole) must be a whole number. "
                f"Received: side={self.side!r}"
            )

    def apply(self, image, drawn):
        rows, columns = (fewer_pixels(side, int(self.side)) for side in image.shape[:2])
        return along_both(image, np.float32(rows), np.float32(columns))
