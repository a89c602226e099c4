"""Attention transfer against mdistiller's formula in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.methods import AttentionTransfer


@pytest.mark.parametrize("power", [1.0, 2.0, 4.0])
@pytest.mark.parametrize(("student", "teacher"), [((4, 4, 3), (8, 8, 5)), ((6, 6, 3), (4, 4, 5))])
def test_it_is_mdistillers_loss(rng, numpy, student, teacher, power):
    student, teacher = (rng.normal(size=(3, *shape)) for shape in (student, teacher))
    size = min(student.shape[1], teacher.shape[1])

    def attention(x):
        x = (np.abs(numpy.pool(x, size, size)) ** power).mean(-1).reshape(3, -1)
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    def reference(s, t):
        return ((attention(s["a"]) - attention(t["a"])) ** 2).mean(1)

    method = AttentionTransfer(student_taps=["a"], teacher_taps=["a"], power=power)
    numpy.check(method, reference, {"a": student}, {"a": teacher})


def test_channels_may_be_scaled_together_and_reordered(rng, numpy):
    x = rng.normal(size=(3, 4, 4, 5))
    method = AttentionTransfer(student_taps=["a"], teacher_taps=["a"])
    loss = numpy.loss_of(method, {"a": x}, {"a": 3.0 * x[..., ::-1]})
    np.testing.assert_allclose(loss, 0.0, atol=1e-7)


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0, 3.0])
def test_maps_after_a_relu_have_finite_gradients(rng, power):
    maps = tf.Variable(np.maximum(rng.normal(size=(2, 3, 4, 4, 5)), 0.0), dtype=tf.float32)
    method = AttentionTransfer(student_taps=["a"], teacher_taps=["a"], power=power)
    with tf.GradientTape() as tape:
        loss = method({}, {"a": maps[0]}, {"a": maps[1]})
    gradient = tape.gradient(loss, maps)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


def test_a_power_without_a_slope_at_zero_is_refused():
    with pytest.raises(ValueError, match=r"power must be .*at least 1\. Received: power=0\.5"):
        AttentionTransfer(student_taps=["a"], teacher_taps=["a"], power=0.5)
