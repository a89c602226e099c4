"""Attention transfer against mdistiller's formula in NumPy."""

import numpy as np
import pytest

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
