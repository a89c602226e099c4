"""Correlation congruence against the paper's Taylor series, and against the kernel itself."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.methods import CorrelationCongruence
from keras_kd.methods.correlation import correlations


def series(x, gamma, order):
    x = x.reshape(len(x), -1)
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    powers = (
        (2 * gamma) ** p / np.prod(np.arange(1, p + 1)) * (x @ x.T) ** p for p in range(order + 1)
    )
    return np.exp(-2 * gamma) * sum(powers)


@pytest.mark.parametrize(("gamma", "order"), [(0.4, 2), (1.0, 3)])
def test_it_is_the_papers_loss(rng, numpy, gamma, order):
    student, teacher = rng.normal(size=(6, 4)), rng.normal(size=(6, 2, 2, 3))

    def reference(s, t):
        gap = series(s["logits"], gamma, order) - series(t["logits"], gamma, order)
        return (gap**2).sum() / 36

    numpy.check(CorrelationCongruence(gamma=gamma, order=order), reference, student, teacher)


def test_the_series_tends_to_the_gaussian_kernel(rng):
    x = rng.normal(size=(6, 4))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    square = ((unit[:, None] - unit[None]) ** 2).sum(-1)
    got = correlations(tf.constant(x, tf.float32), 0.4, 12)
    np.testing.assert_allclose(got, np.exp(-0.4 * square), rtol=1e-5)


@pytest.mark.parametrize("bad", [{"gamma": 0.0}, {"order": 0}, {"order": 1.5}])
def test_impossible_arguments_are_refused(bad):
    with pytest.raises(ValueError, match=f"{next(iter(bad))} must be"):
        CorrelationCongruence(**bad)
