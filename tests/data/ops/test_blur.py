"""The Gaussian filter against SciPy's."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from keras_kd.data.ops.blur import Blur


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.5, 20.0])
def test_it_is_scipys(sigma):
    image = np.random.default_rng(0).uniform(-1, 1, (12, 12, 3)).astype("float32")
    want = gaussian_filter(image.astype("float64"), (sigma, sigma, 0), mode="nearest",
                           radius=(max(1, round(4 * sigma)),) * 2 + (0,))  # fmt: skip
    np.testing.assert_allclose(Blur(sigma).apply(image, ()), want, atol=1e-5)
