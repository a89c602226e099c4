"""The arithmetic of int8 kernels in float numbers, against whole numbers of NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.models.wrap import rounding

RNG = np.random.default_rng(0)


def test_requantized():
    sums = RNG.integers(-(2**20), 2**20, (50, 3)).astype("float32")
    unit, step = np.float32([1e-4, 2e-4, 3.1e-4]), np.float32(0.05)
    expected = np.rint(sums * (unit / step))
    np.testing.assert_array_equal(rounding.requantized(sums, unit, step), expected)


@pytest.mark.parametrize("steps", [(0.031, 0.017), (0.02, 0.02), (0.001, 0.7), (0.5, 0.5)])
def test_added(steps):
    """As XNNPACK: multipliers of 21 bits, a sum in whole numbers, half a step more, a shift."""
    terms, step = RNG.integers(-255, 256, (2, 500)), np.float32(0.025)
    ratios = [np.float32(one) / step for one in steps]
    shift = 20 - int(np.floor(np.log2(max(ratios))))
    factors = [round(float(one) * 2.0**shift) for one in ratios]
    total = [int(a) * factors[0] + int(b) * factors[1] for a, b in terms.T]
    expected = [(one + (1 << (shift - 1))) >> shift for one in total]
    found = rounding.added([tf.constant(one, tf.float32) for one in terms],
                           [tf.constant(one) for one in steps], step)  # fmt: skip
    np.testing.assert_array_equal(found, expected)


def test_averaged():
    x = RNG.integers(-255, 256, (4, 3, 3, 5)).astype("float32")
    found = rounding.averaged(x, np.float32(0.02), np.float32(0.015))
    expected = np.rint(x.mean((1, 2), dtype="float64") * 0.02 / 0.015)
    np.testing.assert_array_equal(found, expected)
    assert rounding.averaged(x, 0.02, 0.015, keepdims=True).shape == (4, 1, 1, 5)


def test_halves_go_to_even_steps_and_gradients_pass():
    x = tf.constant([0.5, 1.5, -0.5, 2.4])
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = rounding.whole(x, 1.0)
    np.testing.assert_array_equal(found, [0, 2, 0, 2])
    np.testing.assert_array_equal(tape.gradient(found, x), np.ones(4))
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = rounding.added([x, x], [tf.constant(1.0)] * 2, tf.constant(1.0))
    np.testing.assert_allclose(tape.gradient(found, x), 2 * np.ones(4))


def test_marks_are_for_a_while():
    assert rounding.is_exact()
    with pytest.raises(ZeroDivisionError), rounding.marks_for_a_converter():
        assert not rounding.is_exact()
        raise ZeroDivisionError
    assert rounding.is_exact()
