"""Weights by the loss on the label against float64 NumPy, and what is refused."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax

from keras_kd.teachers import combine
from keras_kd.teachers.combine.confidence import confidence

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(3, 5, 4)) * 3
LABELS = RNG.integers(0, 4, 5)


def expected(one_hot):
    losses = -(one_hot * log_softmax(LOGITS, axis=-1)).sum(-1)
    return (1 - softmax(losses, axis=0)) / 2


def test_weights_are_those_of_the_paper():
    z = LOGITS.astype("float32")
    np.testing.assert_allclose(confidence(z, LABELS), expected(np.eye(4)[LABELS]), atol=1e-6)
    mixed = RNG.dirichlet(np.ones(4), 5)
    found = confidence(z, tf.constant(mixed.astype("float32")))
    np.testing.assert_allclose(found, expected(mixed), atol=1e-6)
    np.testing.assert_allclose(np.sum(found, axis=0), 1, atol=1e-6)


def test_the_target_is_the_weighted_mean_at_its_temperature():
    runs = [lambda z=z: tf.constant(z.astype("float32")) for z in LOGITS]
    found = combine.get("confidence", 3, temperature=4.0).teach(runs, None, LABELS)
    weights = expected(np.eye(4)[LABELS])[..., None]
    mean = (weights * softmax(LOGITS / 4, axis=-1)).sum(0)
    np.testing.assert_allclose(softmax(np.asarray(found) / 4, axis=-1), mean, atol=1e-6)


def test_one_logit_and_its_labels():
    z = [[[2.0]], [[-1.0]]]
    found = combine.get("confidence", 2).teach(
        [lambda v=v: tf.constant(v) for v in z], None, tf.constant([1])
    )
    losses = np.log1p(np.exp([-2.0, 1.0]))
    weights = 1 - softmax(losses)
    p = (weights / (1 + np.exp([-2.0, 1.0]))).sum()
    np.testing.assert_allclose(softmax(np.asarray(found), axis=-1), [[1 - p, p]], atol=1e-6)


def test_refusals():
    with pytest.raises(ValueError, match=r"a batch without labels. Give labels, or take 'entropy'"):
        combine.get("confidence", 2).teach([lambda: tf.zeros((1, 3))] * 2, None, None)
    with pytest.raises(ValueError, match="left out where 'confidence'"):
        combine.get("confidence", 2, weights=(1, 2))
