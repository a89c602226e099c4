"""OFD against mdistiller's formulas in NumPy: the partial distance and the margin."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import norm

from keras_kd.methods import OFD

TAPS = {"student_taps": ["a", "b"], "teacher_taps": ["a", "b"]}


@pytest.fixture
def features(rng):
    student = {"a": rng.normal(size=(3, 4, 4, 2)), "b": rng.normal(size=(3, 2, 2, 3))}
    teacher = {"a": rng.normal(size=(3, 8, 8, 5)), "b": rng.normal(size=(3, 2, 2, 6))}
    return student, teacher


def margin(x):
    return np.where(x < 0, x, 0.0).sum((0, 1, 2)) / (x < 0).sum((0, 1, 2))


def mdistiller(source, target, margin):
    """`feat_loss`, case by case."""
    loss = (
        (source - margin) ** 2 * ((source > margin) & (target <= margin))
        + (source - target) ** 2 * ((source > target) & (target > margin) & (target <= 0))
        + (source - target) ** 2 * (target > 0)
    )
    return loss.sum((1, 2, 3))


def test_it_is_mdistillers_loss(features, numpy):
    method = numpy.build(OFD(**TAPS), *features)
    kernels = [c.trainable_variables[0].numpy().astype("float64") for c in method.connectors]
    margins = [margin(features[1][name]) for name in "ab"]

    def reference(s, t):
        loss = 0.0
        for i, name in enumerate("ab"):
            source = numpy.batch_norm(s[name] @ kernels[i][0, 0])
            target = numpy.pool(t[name], *s[name].shape[1:3])
            loss = loss + mdistiller(source, target, margins[i]) / 2 ** (2 - i - 1)
        return loss

    numpy.check(method, reference, *features, rtol=1e-3)


def test_the_margin_of_normal_features_is_mdistillers(numpy):
    """From batch norm's scale s and shift m: -s phi(m / s) / Phi(-m / s) + m."""
    s, m = np.array([1.0, 0.5, 2.0]), np.array([0.0, -0.3, 1.0])
    expected = -s * np.exp(-((m / s) ** 2) / 2) / np.sqrt(2 * np.pi) / norm.cdf(-m / s) + m
    method = OFD(student_taps=["a"], teacher_taps=["a"])
    rng = np.random.default_rng(0)
    batches = [{"a": rng.normal(m, s, (50, 8, 8, 3))} for _ in range(20)]
    numpy.build(method, batches[0], batches[0])
    for batch in batches:
        method.after_step({}, None, {"a": tf.constant(batch["a"], tf.float32)})
    total, count = method.negatives[0].numpy()
    np.testing.assert_allclose(total / count, expected, atol=0.02)


def test_the_margin_covers_all_examples_seen(features, numpy):
    student, teacher = features
    method = numpy.build(OFD(**TAPS), student, teacher)
    first = numpy.loss_of(method, student, teacher)
    method.after_step({}, None, {n: tf.constant(x - 1, tf.float32) for n, x in teacher.items()})
    assert np.abs(numpy.loss_of(method, student, teacher) - first).max() > 1e-3
    assert len(method.non_trainable_weights) == 2 + 4  # two margins, two batch norms
