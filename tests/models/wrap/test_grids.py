"""Grids of a few bits and their gradients, against NumPy written from the paper."""

import numpy as np
import pytest
from rounded import gradients_of

from keras_kd.models.wrap.grids import largest, learned, on_grid, passing


@pytest.fixture
def numbers():
    return np.random.default_rng(0).normal(size=(5, 6, 4)) * 3


def lsq(x, s, low, high):
    """(value, derivative by s, derivative by x) of formulas 1, 3 and 5 of arXiv 1902.08153."""
    v = x / s
    value = np.round(np.clip(v, low, high)) * s
    by_step = np.where(v <= low, low, np.where(v >= high, high, np.round(v) - v))
    return value, by_step, ((v > low) & (v < high)).astype(float)


@pytest.mark.parametrize("bits", [8, 4, 3, 2])
@pytest.mark.parametrize("steps", [0.3, np.array([0.1, 0.7, 1.3, 40.0])])
def test_learned_steps_are_the_papers(numbers, bits, steps):
    end = largest(bits)
    value, by_step, by_x = lsq(numbers, steps, -end, end)
    np.testing.assert_allclose(on_grid(numbers, steps, -end, end), value, atol=1e-12)
    d_x, d_step = gradients_of(lambda x, s: learned(x, s, -end, end, 0.25), numbers, steps)
    np.testing.assert_allclose(d_x, by_x)
    axes = (0, 1, 2) if np.ndim(steps) == 0 else (0, 1)
    np.testing.assert_allclose(d_step, 0.25 * by_step.sum(axes), rtol=1e-9)
    # The two narrow ends are one as far from zero as the other.
    assert np.abs(np.round(value / steps)).max() <= end == {8: 127, 4: 7, 3: 3, 2: 1}[bits]


def test_an_unsigned_range(numbers):
    _, by_step, by_x = lsq(numbers, 0.02, -100, 155)
    d_x, d_step = gradients_of(lambda x, s: learned(x, s, -100, 155, 1.0), numbers, 0.02)
    np.testing.assert_allclose(d_x, by_x)
    np.testing.assert_allclose(d_step, by_step.sum(), rtol=1e-9)
    assert 0 < by_x.mean() < 1


def test_gradients_pass_within_the_range_alone(numbers):
    (d_x,) = gradients_of(lambda x: passing(x, 0.5, -3, 3), numbers)
    np.testing.assert_array_equal(d_x, np.abs(numbers) <= 1.5)
    np.testing.assert_allclose(passing(numbers, 0.5, -3, 3), on_grid(numbers, 0.5, -3, 3))
