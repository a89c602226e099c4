"""Steps of kernels: first ones, positive ones, and what a converter is told."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.models.wrap.kernel_grids import LEAST, LSQKernel, MinMaxKernel
from keras_kd.optimizers import AdamW


@pytest.fixture
def kernel():
    return np.random.default_rng(0).normal(size=(3, 3, 6, 4)).astype("float32")


def made(kind, bits, kernel, channels=4):
    grid = kind(bits, channels)
    grid.build(kernel.shape)
    grid.start(kernel)
    return grid


@pytest.mark.parametrize("bits", [8, 4, 3, 2])
def test_the_first_learned_step_is_the_papers(kernel, bits):
    """2 mean|w| / sqrt(limit), but no level beyond the largest weight."""
    limit = 2 ** (bits - 1) - 1
    expected = np.minimum(
        2 * np.abs(kernel).mean((0, 1, 2)) / np.sqrt(limit), np.abs(kernel).max((0, 1, 2)) / limit
    )
    np.testing.assert_allclose(made(LSQKernel, bits, kernel).steps(kernel), expected, rtol=1e-5)
    assert made(LSQKernel, bits, kernel, None).steps(kernel).shape == ()


def test_the_largest_weight_is_the_end(kernel):
    grid = made(MinMaxKernel, 4, kernel)
    np.testing.assert_allclose(grid.steps(kernel), np.abs(kernel).max((0, 1, 2)) / 7, rtol=1e-6)
    assert not grid.weights


@pytest.mark.parametrize("kind", [LSQKernel, MinMaxKernel])
@pytest.mark.parametrize("bits", [8, 4, 3, 2])
def test_in_training_and_after_it_is_the_same(kernel, kind, bits):
    grid = made(kind, bits, kernel)
    trained, after = grid(kernel, training=True), grid(kernel)
    np.testing.assert_allclose(trained, after, atol=1e-6)
    whole = np.asarray(after / grid.steps(kernel))
    np.testing.assert_allclose(whole, np.round(whole), atol=1e-4)
    assert len(np.unique(np.round(whole))) <= 2**bits - 1
    # What has been rounded stays.
    np.testing.assert_allclose(grid(np.asarray(after)), after, atol=1e-6)


@pytest.mark.parametrize("kind", [LSQKernel, MinMaxKernel])
def test_a_channel_of_zeros(kernel, kind):
    kernel[..., 1] = 0
    grid = made(kind, 4, kernel)
    steps = np.asarray(grid.steps(kernel))
    assert (steps >= 0.99 * LEAST * steps.max()).all() and np.isfinite(grid(kernel)).all()
    np.testing.assert_array_equal(np.asarray(grid(kernel))[..., 1], 0)


def test_steps_stay_positive_and_do_not_decay(kernel):
    """Whatever gradients say, and however large the rate."""
    grid = made(LSQKernel, 2, kernel)
    before = np.asarray(grid.log_step)
    AdamW(1.0, weight_decay=0.5).apply([tf.zeros(4)], [grid.log_step])
    np.testing.assert_array_equal(grid.log_step, before)
    keras.optimizers.SGD(10.0).apply([tf.ones(4)], [grid.log_step])
    assert (np.asarray(grid.steps(kernel)) > 0).all()


def test_the_gradient_of_a_step(kernel):
    """dL/ds of the paper, times 1/sqrt(N limit), times s for its logarithm."""
    grid = made(LSQKernel, 3, kernel)
    grid.log_step.assign(grid.log_step - 0.3)  # else the largest weight lies on the very end
    weights = np.random.default_rng(1).normal(size=kernel.shape)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(grid(kernel, training=True) * weights.astype("float32"))
    (found,) = tape.gradient(loss, grid.trainable_variables)
    steps = np.exp(np.asarray(grid.log_step, "float64"))
    v = kernel.astype("float64") / steps
    by_step = np.where(v <= -3, -3, np.where(v >= 3, 3, np.round(v) - v))
    expected = (weights * by_step).sum((0, 1, 2)) * steps / np.sqrt(3 * 3 * 6 * 3)
    np.testing.assert_allclose(found, expected, rtol=1e-3)
