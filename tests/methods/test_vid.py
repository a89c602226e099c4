"""VID against mdistiller's formula in NumPy; its variances learn."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.methods import VID


def make():
    return VID(student_taps=["a"], teacher_taps=["a"])


def test_it_is_mdistillers_loss(rng, numpy):
    student, teacher = rng.normal(size=(3, 4, 4, 2)), rng.normal(size=(3, 8, 8, 5))
    method = numpy.build(make(), {"a": student}, {"a": teacher})
    log_scale = method.log_scales[0]
    np.testing.assert_allclose(np.log1p(np.exp(log_scale)) + 1e-5, 5.0, rtol=1e-6)
    log_scale.assign(rng.normal(size=5))
    scale = log_scale.numpy().astype("float64")
    kernels = [w.numpy()[0, 0].astype("float64") for w in method.regressors[0].weights]
    assert [k.shape for k in kernels] == [(2, 5), (5, 5), (5, 5)]

    def reference(s, t):
        mean = np.maximum(np.maximum(s["a"] @ kernels[0], 0) @ kernels[1], 0) @ kernels[2]
        variance = np.log(1 + np.exp(scale)) + 1e-5
        squares = (mean - numpy.pool(t["a"], 4, 4)) ** 2
        return (0.5 * (squares / variance + np.log(variance))).mean((1, 2, 3))

    numpy.check(method, reference, {"a": student}, {"a": teacher})


def test_the_best_variance_is_the_mean_square(rng, numpy):
    # With a mean of 0 the likelihood peaks where the variance is that of the data.
    teacher = {"a": tf.constant(2.0 * rng.normal(size=(64, 2, 2, 1)), tf.float32)}
    student = {"a": tf.zeros((64, 2, 2, 1))}
    method = numpy.build(make(), student, teacher)
    best = float(np.mean(np.square(teacher["a"])))
    method.log_scales[0].assign([np.log(np.expm1(best - 1e-5))])
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(method({}, student, teacher))
    assert float(tape.gradient(loss, method.log_scales[0].value)[0]) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("variance", [2e-5, 0.1, 1000.0])
def test_it_starts_at_the_variance_asked_for(rng, numpy, variance):
    maps = {"a": rng.normal(size=(2, 4, 4, 3))}
    method = VID(student_taps=["a"], teacher_taps=["a"], initial_variance=variance)
    log_scale = numpy.build(method, maps, maps).log_scales[0].numpy().astype("float64")
    np.testing.assert_allclose(np.logaddexp(0, log_scale) + 1e-5, variance, rtol=1e-5)


def test_an_impossible_variance_is_refused():
    with pytest.raises(ValueError, match="initial_variance must"):
        VID(student_taps=["a"], teacher_taps=["a"], initial_variance=0.0)
