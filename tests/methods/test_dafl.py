"""DAFL's loss against its public formula in float64."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.methods import DAFL
from keras_kd.methods.dafl import class_balance


def reference(z, features, one_hot, balance, activation):
    """As the public code: cross-entropy, information entropy in log10, mean size of features."""
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    mean = p.mean(0)
    entropy = (mean * np.log10(mean)).sum()
    return (
        -one_hot * np.log(p.max(-1)).mean()
        + balance * entropy
        - activation * np.abs(features).mean()
    )


def outputs(z, features):
    return {"logits": tf.constant(z, tf.float32), "pre_logits": tf.constant(features, tf.float32)}


def test_equals_the_formula_and_its_slopes(rng):
    z, features = rng.normal(size=(6, 5)) * 2.0, rng.normal(size=(6, 7))
    method = DAFL(one_hot=0.5, balance=3.0, activation=0.2)
    teacher = outputs(z, features)
    with tf.GradientTape() as tape:
        tape.watch(teacher)
        loss = method({}, student={}, teacher=teacher)
        mean = tf.reduce_mean(loss)
    assert loss.shape == (6,)
    weights = 0.5, 3.0, 0.2
    np.testing.assert_allclose(mean, reference(z, features, *weights), rtol=1e-5)
    slopes = tape.gradient(mean, teacher)
    for name in teacher:
        for index in [(0, 0), (2, 3), (5, 4)]:
            ends = []
            for sign in (1, -1):
                moved = {"logits": z.copy(), "pre_logits": features.copy()}
                moved[name][index] += sign * 1e-5
                ends.append(reference(moved["logits"], moved["pre_logits"], *weights))
            slope = (ends[0] - ends[1]) / 2e-5
            np.testing.assert_allclose(slopes[name][index], slope, rtol=5e-3, atol=1e-6)


def test_balance_is_least_where_all_classes_come_alike():
    even = tf.constant(50.0 * np.eye(4), tf.float32)
    assert class_balance(even).numpy() == pytest.approx(-np.log10(4), abs=1e-5)
    one = tf.constant(50.0 * np.eye(4)[[2, 2, 2]], tf.float32)
    assert class_balance(one).numpy() == pytest.approx(0.0, abs=1e-5)


def test_without_its_factor_no_feature_is_tapped():
    assert DAFL(activation=0.0).teacher_taps == ()
    assert DAFL(features="late").teacher_taps == ("late",)
