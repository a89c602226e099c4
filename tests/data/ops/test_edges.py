"""Sobel's gradient against SciPy's."""

import numpy as np
from scipy.ndimage import sobel

from keras_kd.data.ops.edges import Edges


def test_it_is_scipys():
    image = np.random.default_rng(0).uniform(-1, 1, (9, 9, 3)).astype("float32")
    luma = image.astype("float64") @ [0.299, 0.587, 0.114]
    size = np.hypot(*(sobel(luma, axis, mode="nearest") / 8 for axis in (0, 1)))
    want = np.repeat(np.minimum(1.5 * size - 1, 1)[..., None], 3, -1)
    np.testing.assert_allclose(Edges(1.5).apply(image, ()), want, atol=1e-5)
    assert want.max() < 1 or (want == 1).any()


def test_a_slope_of_d_a_pixel_has_the_size_d_and_nothing_is_minus_one():
    ramp = np.tile(np.arange(8, dtype="float32")[:, None, None] * 0.1, (1, 8, 1))
    got = Edges(2.0).apply(ramp, ()).numpy()
    np.testing.assert_allclose(got[2:6], 2 * 0.1 - 1, atol=1e-6)
    np.testing.assert_array_equal(Edges().apply(np.zeros((8, 8, 3), "float32"), ()), -1)
