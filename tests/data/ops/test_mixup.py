"""The mixing coefficient against Beta's moments, the partners, and the mixing itself."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from keras_kd.data.ops.mixup import Mixup
from keras_kd.data.random_streams import Stream
from keras_kd.data.views import Views


def coefficients(alpha, count=4000):
    mixup = Mixup(alpha)
    data = tf.data.Dataset.range(count).map(lambda s: mixup.draw(Stream(5, "mixup", s)))
    return next(data.batch(count).as_numpy_iterator())


@pytest.mark.parametrize("alpha", [1.0, 0.2, 3.0])
def test_coefficient_is_a_folded_beta(alpha):
    drawn = coefficients(alpha)
    assert drawn.dtype == np.float32 and drawn.min() >= 0.5 and drawn.max() <= 1.0
    beta = scipy.stats.beta(alpha, alpha)
    # On a grid that ends before 1, where float32 piles up what a small alpha puts there.
    grid = np.linspace(0.5, 0.999, 500)
    observed = np.searchsorted(np.sort(drawn), grid, side="right") / len(drawn)
    limit = 1.95 / np.sqrt(len(drawn))  # Kolmogorov's 0.1 % bound.
    assert np.abs(observed - (2 * beta.cdf(grid) - 1)).max() < limit
    assert np.abs(observed - beta.cdf(grid)).max() > 5 * limit  # Without the fold it is far off.


def test_tiny_alpha_has_no_nan():
    drawn = coefficients(1e-3, count=500)
    assert np.isfinite(drawn).all() and (drawn > 0.99).mean() > 0.95


@pytest.mark.parametrize("alpha", [0, -1.0, float("nan"), float("inf"), "1"])
def test_bad_alpha(alpha):
    with pytest.raises(
        ValueError, match=r"mixup_alpha must be a positive number. Received: mixup_a"
    ):
        Views.of_mode("mix", mixup_alpha=alpha)
    with pytest.raises(ValueError, match=r"alpha of mixup .* number, above 0\. Received: alpha="):
        Mixup(alpha)


def test_mix_is_the_weighted_mean_in_float64():
    rng = np.random.RandomState(0)
    x, p = rng.uniform(-1, 1, (2, 4, 3, 3, 1))
    got = Mixup().apply(tf.constant(x, tf.float32), tf.constant(p, tf.float32), tf.constant(0.7))
    np.testing.assert_allclose(got, 0.7 * x + 0.3 * p, atol=1e-6)


def test_mix_with_itself_and_with_coefficient_one_is_the_identity():
    x = tf.constant(np.random.RandomState(0).uniform(-1, 1, (4, 5)), tf.float32)
    np.testing.assert_allclose(Mixup().apply(x, x, tf.constant(0.6)), x, atol=1e-6)
    np.testing.assert_array_equal(Mixup().apply(x, x[::-1], tf.constant(1.0)), x)
