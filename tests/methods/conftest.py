"""One check for every method: value and gradient against a formula in float64 NumPy."""

import numpy as np
import pytest
import tensorflow as tf


def as_dict(x):
    return x if isinstance(x, dict) else {"logits": x}


def build(method, student, teacher):
    """Builds a method for arrays: a dict of taps on each side, or the logits alone."""
    shapes = [{n: (None, *v.shape[1:]) for n, v in as_dict(x).items()} for x in (student, teacher)]
    method.build({"image": (None, 8, 8, 3)}, *shapes)
    return method


def loss_of(method, student, teacher, batch=None):
    """The method's float32 losses `[B]` for float64 arrays."""
    if not method.built:
        build(method, student, teacher)
    tensors = [{n: tf.constant(v, tf.float32) for n, v in as_dict(x).items()}
               for x in (student, teacher)]  # fmt: skip
    return method(batch or {}, *tensors)


def check(method, reference, student, teacher, batch=None, rtol=2e-4, probes=6):
    """The loss equals `reference(student, teacher)`, its gradient the reference's slopes.

    The reference gives one value per example, or their mean where the paper knows no other.
    """
    if not method.built:
        build(method, student, teacher)
    student, teacher = as_dict(student), as_dict(teacher)
    expected = np.asarray(reference(student, teacher))
    variables = {n: tf.Variable(v, dtype=tf.float32) for n, v in student.items()}
    with tf.GradientTape() as tape:
        targets = {n: tf.constant(v, tf.float32) for n, v in teacher.items()}
        loss = method(batch or {}, {n: tf.identity(v) for n, v in variables.items()}, targets)
        mean = tf.reduce_mean(loss)
    assert loss.dtype == tf.float32 and len(loss.shape) == 1
    got = loss if expected.ndim else mean
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=1e-6)
    gradients = tape.gradient(mean, variables)
    rng = np.random.default_rng(1)
    for name, values in student.items():
        size = np.abs(gradients[name]).max()
        for index in rng.choice(values.size, min(probes, values.size), replace=False):
            index = np.unravel_index(index, values.shape)
            slope = 0.0
            for sign in (1, -1):
                moved = {n: v.copy() for n, v in student.items()}
                moved[name][index] += sign * 1e-5
                slope += sign * np.mean(reference(moved, teacher)) / 2e-5
            np.testing.assert_allclose(
                gradients[name][index], slope, rtol=5e-3, atol=1e-3 * size + 1e-7
            )


def pool(x, height, width):
    """PyTorch's adaptive average pooling by its definition: `[B, H, W, C]` in float64."""
    big_h, big_w = x.shape[1:3]
    out = np.zeros((len(x), height, width, x.shape[3]))
    for i in range(height):
        for j in range(width):
            rows = slice(i * big_h // height, -(-(i + 1) * big_h // height))
            columns = slice(j * big_w // width, -(-(j + 1) * big_w // width))
            out[:, i, j] = x[:, rows, columns].mean((1, 2))
    return out


def convolve(x, kernel):
    """A convolution with zero padding, stride 1: `[B, H, W, C]` by `[k, k, C, D]`."""
    k = kernel.shape[0]
    before = (k - 1) // 2
    x = np.pad(x, ((0, 0), (before, k - 1 - before), (before, k - 1 - before), (0, 0)))
    out = 0.0
    for i in range(k):
        for j in range(k):
            part = x[:, i : x.shape[1] - k + 1 + i, j : x.shape[2] - k + 1 + j]
            out = out + part @ kernel[i, j]
    return out


def batch_norm(x, epsilon=1e-5):
    """Batch norm in training, scale 1 and shift 0."""
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return (x - mean) / np.sqrt(variance + epsilon)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


class Numpy:
    """What the tests of the methods share."""

    build = staticmethod(build)
    loss_of = staticmethod(loss_of)
    check = staticmethod(check)
    pool = staticmethod(pool)
    convolve = staticmethod(convolve)
    batch_norm = staticmethod(batch_norm)
    softmax = staticmethod(softmax)


@pytest.fixture
def numpy():
    return Numpy


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def logits(rng):
    """(student, teacher) of 6 examples and 5 classes."""
    return tuple(rng.normal(size=(2, 6, 5)) * 3.0)
