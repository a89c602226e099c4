"""Luma against Pillow's."""

import numpy as np
from PIL import Image

from keras_kd.data.ops.gray import Gray


def test_it_is_pillows_luma():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    got = Gray().apply(np.float32(pixels / 127.5 - 1), ()).numpy()
    want = np.asarray(Image.fromarray(pixels).convert("L"), float)
    assert np.abs((got + 1) * 127.5 - want[..., None]).max() <= 0.51  # Pillow's is rounded
    np.testing.assert_array_equal(got[..., 0], got[..., 2])


def test_grey_stays_as_it_is():
    grey = np.random.default_rng(0).uniform(-1, 1, (4, 4, 1)).astype("float32")
    np.testing.assert_array_equal(Gray().apply(grey, ()), grey)
