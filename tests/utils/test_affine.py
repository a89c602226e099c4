"""Whole numbers for real ones: the closed form, its rounding, and what lies outside."""

import numpy as np
import pytest

from keras_kd.utils.affine import to_floats, to_integers


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point"),
    [(np.int8, 2 / 255, -1), (np.uint8, 1 / 127.5, 127), (np.int16, 1 / 32767, 0)],
)
def test_there_and_back_is_a_rounding(dtype, scale, zero_point):
    values = np.linspace(-0.9, 0.9, 101)
    whole = to_integers(values, dtype, scale, zero_point)
    assert whole.dtype == dtype
    back = to_floats(whole, scale, zero_point)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, values, atol=0.5001 * scale)


def test_what_lies_outside_is_clipped():
    np.testing.assert_array_equal(to_integers([-9, 9], np.int8, 0.01, 0), [-128, 127])
    np.testing.assert_array_equal(to_integers([-9, 9], np.uint8, 0.01, 128), [0, 255])
    np.testing.assert_allclose(to_floats(np.array([-128, 127], np.int8), 0.5, -28), [-50, 77.5])
