"""Few pixels against Pillow's means and interpolation."""

import numpy as np
import pytest
from PIL import Image

from keras_kd.data.ops.lowres import Lowres

IMAGE = np.random.default_rng(0).uniform(-1, 1, (12, 12, 2)).astype("float32")


def up(small):
    channels = (Image.fromarray(np.float32(small[..., c]), "F") for c in range(2))
    return np.stack([one.resize((12, 12), Image.Resampling.BILINEAR) for one in channels], -1)


@pytest.mark.parametrize("side", [1, 3, 4, 12, 40])
def test_it_is_pillows_box_down_and_bilinear_up(side):
    size = (min(side, 12),) * 2
    channels = (Image.fromarray(IMAGE[..., c], "F") for c in range(2))
    small = np.stack([one.resize(size, Image.Resampling.BOX) for one in channels], -1)
    np.testing.assert_allclose(Lowres(side).apply(IMAGE, ()), up(small), atol=2e-6)


@pytest.mark.parametrize("side", [5, 7, 11])
def test_parts_of_pixels_count_by_their_area(side):
    """Where the grids do not divide, Pillow takes whole pixels: here each in `side` parts."""
    fine = IMAGE.astype("float64").repeat(side, 0).repeat(side, 1)
    small = fine.reshape(side, 12, side, 12, 2).mean((1, 3))
    np.testing.assert_allclose(Lowres(side).apply(IMAGE, ()), up(small), atol=2e-6)


def test_half_a_pixel_is_refused():
    with pytest.raises(ValueError, match=r"must be a whole number\. Received: side=2\.5"):
        Lowres(2.5)
