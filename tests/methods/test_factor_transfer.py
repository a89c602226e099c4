"""Factor transfer against NumPy convolutions; who learns from what."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.methods import FactorTransfer


@pytest.fixture
def features(rng):
    return {"a": rng.normal(size=(3, 4, 4, 2))}, {"a": rng.normal(size=(3, 8, 8, 6))}


def leaky(x):
    return np.where(x > 0, x, 0.1 * x)


def kernels(chain):
    return [v.numpy().astype("float64") for v in chain.trainable_variables if "kernel" in v.path]


def test_it_is_the_authors_loss_of_the_factors(features, numpy):
    method = FactorTransfer(student_taps=["a"], teacher_taps=["a"], reconstruction=0.0)
    numpy.build(method, *features)

    def unit(x):
        x = x.reshape(len(x), -1)
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    def reference(s, t):
        x, code = s["a"], numpy.pool(t["a"], 4, 4)
        for kernel in kernels(method.translators[0]):
            x = leaky(numpy.batch_norm(numpy.convolve(x, kernel)))
        for kernel in kernels(method.encoders[0]):
            code = leaky(numpy.convolve(code, kernel))  # the biases start at 0
        assert x.shape == code.shape == (3, 4, 4, 3)
        return np.abs(unit(x) - unit(code)).mean(1)

    numpy.check(method, reference, *features, rtol=1e-3)


def test_the_paraphraser_learns_from_its_reconstruction_alone(features, numpy):
    method = FactorTransfer(student_taps=["a"], teacher_taps=["a"], reconstruction=0.0)
    numpy.build(method, *features)
    with tf.GradientTape() as tape:
        loss = numpy.loss_of(method, *features)
    paraphraser = [*method.encoders[0].trainable_variables, *method.decoders[0].trainable_variables]
    for gradient in tape.gradient(
        loss, [v.value for v in paraphraser], unconnected_gradients="zero"
    ):
        np.testing.assert_array_equal(gradient, 0.0)


def test_the_reported_loss_holds_the_reconstruction_error(features, numpy):
    method = FactorTransfer(student_taps=["a"], teacher_taps=["a"], reconstruction=2.0)
    whole = numpy.loss_of(method, *features)
    rebuilt = target = numpy.pool(features[1]["a"], 4, 4)
    for kernel in kernels(method.encoders[0]):
        rebuilt = leaky(numpy.convolve(rebuilt, kernel))
    for kernel in kernels(method.decoders[0]):  # transposed: turned round, in and out exchanged
        turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
        rebuilt = leaky(numpy.convolve(rebuilt, turned))
    assert rebuilt.shape == target.shape
    error = np.square(rebuilt - target).mean((1, 2, 3))
    method.reconstruction = 0.0
    np.testing.assert_allclose(whole - numpy.loss_of(method, *features), 2.0 * error, rtol=1e-4)
