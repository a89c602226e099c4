"""The mean of logits in float64, and one logit among two."""

import numpy as np

from keras_kd.teachers import combine


def test_it_is_the_weighted_mean():
    logits = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    found = combine.get("mean_logits", 2, weights=(1, 3))(list(logits))
    expected = np.tensordot([0.25, 0.75], logits.astype("float64"), 1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_one_logit_is_two_classes():
    found = combine.get("mean_logits", 2)([np.array([[4.0]]), np.array([[1.0, 2.0]])])
    np.testing.assert_allclose(found, [[0.5, 3.0]])
