"""NST against loops over all pairs of channels."""

import numpy as np

from keras_kd.methods import NST


def test_it_is_mdistillers_loss(rng, numpy):
    student, teacher = rng.normal(size=(3, 6, 6, 2)), rng.normal(size=(3, 4, 4, 5))

    def kernel(a, b):
        pairs = [(i, j) for i in range(a.shape[2]) for j in range(b.shape[2])]
        return np.mean([(a[:, :, i] * b[:, :, j]).sum(1) ** 2 for i, j in pairs], axis=0)

    def patterns(x):
        x = numpy.pool(x, 4, 4).reshape(3, 16, -1)
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    def reference(s, t):
        s, t = patterns(s["a"]), patterns(t["a"])
        return kernel(t, t) + kernel(s, s) - 2 * kernel(s, t)

    method = NST(student_taps=["a"], teacher_taps=["a"])
    numpy.check(method, reference, {"a": student}, {"a": teacher}, rtol=1e-3)


def test_equal_sets_of_channels_lose_nothing(rng, numpy):
    x = rng.normal(size=(3, 4, 4, 2))
    method = NST(student_taps=["a"], teacher_taps=["a"])
    loss = numpy.loss_of(method, {"a": x}, {"a": np.concatenate([x, 2 * x], -1)})
    np.testing.assert_allclose(loss, 0.0, atol=1e-6)
