"""Relational distillation against loops in float64 NumPy written from the paper."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.methods import RelationalKD
from keras_kd.methods.rkd import angles, pairwise_distances


def huber(x):
    return np.where(np.abs(x) < 1, 0.5 * x**2, np.abs(x) - 0.5)


def distances_by_loop(x):
    n = len(x)
    d = np.array([[np.linalg.norm(x[i] - x[j]) for j in range(n)] for i in range(n)])
    return d / d[d > 0].mean()


def angles_by_loop(x):
    n = len(x)
    cosines = np.zeros((n, n, n))
    for i in range(n):
        for j in range(n):
            for k in range(n):
                if i in (j, k):
                    continue
                a, b = x[j] - x[i], x[k] - x[i]
                cosines[i, j, k] = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    return cosines


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 4)), rng.normal(size=(6, 7)) * 5.0


def loss_of(method, student, teacher):
    return method({}, {"logits": student}, {"logits": teacher})


def test_relations_match_loops(features):
    for x in features:
        x32 = tf.constant(x, tf.float32)
        np.testing.assert_allclose(pairwise_distances(x32), distances_by_loop(x), atol=1e-5)
        np.testing.assert_allclose(angles(x32), angles_by_loop(x), atol=1e-5)


def test_loss_matches_loops_and_its_mean_is_over_all_pairs_and_triplets(features):
    student, teacher = features
    d = huber(distances_by_loop(student) - distances_by_loop(teacher))
    a = huber(angles_by_loop(student) - angles_by_loop(teacher))
    loss = loss_of(RelationalKD(), *(tf.constant(x, tf.float32) for x in features))
    np.testing.assert_allclose(loss, 25 * d.mean(1) + 50 * a.mean((1, 2)), rtol=1e-4)
    assert float(tf.reduce_mean(loss)) == pytest.approx(25 * d.mean() + 50 * a.mean(), rel=1e-4)


def test_gradient_matches_finite_differences(features):
    student, teacher = (tf.constant(x, tf.float64) for x in features)
    method = RelationalKD(distance=1.0, angle=2.0)

    def total(x):
        return 1.0 * huber(distances_by_loop(x) - distances_by_loop(features[1])).mean() + (
            2.0 * huber(angles_by_loop(x) - angles_by_loop(features[1])).mean()
        )

    variable = tf.Variable(tf.cast(student, tf.float32))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(loss_of(method, variable, tf.cast(teacher, tf.float32)))
    gradient = tape.gradient(loss, variable).numpy()
    step = 1e-5
    for index in [(0, 0), (3, 2), (5, 3)]:
        up, down = features[0].copy(), features[0].copy()
        up[index] += step
        down[index] -= step
        slope = (total(up) - total(down)) / (2 * step)
        assert gradient[index] == pytest.approx(slope, rel=2e-3, abs=1e-5)


def test_scale_rotation_and_shift_do_not_matter(features):
    student = features[0]
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))
    moved = student @ rotation * 3.0 + 7.0
    loss = loss_of(RelationalKD(), tf.constant(student, tf.float32), tf.constant(moved, tf.float32))
    np.testing.assert_allclose(loss, 0.0, atol=1e-5)


@pytest.mark.parametrize("rows", [[[1.0, 2.0]], [[1.0, 2.0], [1.0, 2.0]], [[0.0, 0.0]] * 3])
def test_single_and_equal_examples_give_finite_loss_and_gradient(rows):
    variable = tf.Variable(rows)
    with tf.GradientTape() as tape:
        loss = loss_of(RelationalKD(), variable, tf.random.normal((len(rows), 5)))
    assert np.isfinite(loss).all()
    assert np.isfinite(tape.gradient(loss, variable)).all()


@pytest.mark.parametrize(("distance", "angle"), [(-1.0, 1.0), (0.0, 0.0), (1.0, float("nan"))])
def test_impossible_factors_are_refused(distance, angle):
    with pytest.raises(ValueError, match="finite, at least 0 and not both 0"):
        RelationalKD(distance=distance, angle=angle)
