"""Weights by entropy against float64 NumPy."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from keras_kd.teachers import combine
from keras_kd.teachers.combine.entropy import certainty

LOGITS = np.random.default_rng(0).normal(size=(3, 5, 4)) * 3


def test_weights_are_one_minus_the_share_of_entropy():
    p = softmax(LOGITS, axis=-1)
    each = entropy(p, axis=-1)
    weights = (1 - each / each.sum(0)) / 2
    np.testing.assert_allclose(certainty(LOGITS.astype("float32")), weights, atol=1e-5)
    np.testing.assert_allclose(weights.sum(0), 1)
    found = combine.get("entropy", 3)(list(LOGITS.astype("float32")))
    mean = (weights[..., None] * p).sum(0)
    np.testing.assert_allclose(softmax(np.asarray(found), axis=-1), mean, atol=1e-5)


def test_who_is_sure_counts_for_all_beside_one_who_is_not():
    logits = np.array([[[30.0, 0, 0]], [[0.0, 0, 0]]], "float32")
    np.testing.assert_allclose(certainty(logits), [[1.0], [0.0]], atol=1e-5)
    np.testing.assert_allclose(certainty(np.stack([logits[0]] * 2) * 1e3), 0.5)  # both, fully


def test_it_takes_no_weights():
    with pytest.raises(ValueError, match="left out where 'entropy' weighs the teachers itself"):
        combine.get("entropy", 2, weights=(1, 2))
