"""Gradients in closed form against automatic differentiation in float64, written otherwise."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd import models
from keras_kd.models import gradients
from keras_kd.models.layers import GroupNorm, StandardizedConv2D


def normal(*shape, seed=0, mean=0.0):
    return np.random.default_rng(seed).normal(mean, 1.0, shape)


def value_and_gradients(function, *arrays, dtype="float32", weight=None):
    """Value, and gradients of its product with fixed numbers, by each array."""
    arguments = [tf.constant(array, dtype) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        value = function(*arguments)
        total = tf.reduce_sum(tf.cast(value, dtype) * tf.constant(weight, dtype))
    return [value, *tape.gradient(total, arguments)]


@pytest.mark.parametrize("groups", [1, 4, 12])
@pytest.mark.parametrize("compiled", [False, True])
def test_group_norm_equals_keras_in_float64(groups, compiled):
    """Value and all three gradients, far from zero mean too."""
    x, gamma, beta = normal(3, 5, 4, 12, mean=3.0), normal(12, seed=1), normal(12, seed=2)
    weight = normal(3, 5, 4, 12, seed=3)

    def theirs(x, gamma, beta):
        # Keras's own layer cannot watch its weights as tensors, so it only normalises.
        layer = keras.layers.GroupNormalization(
            groups, epsilon=1e-3, center=False, scale=False, dtype="float64"
        )
        return layer(x) * gamma + beta

    ours = tf.function(
        lambda x, gamma, beta: gradients.group_norm(x, gamma, beta, groups, 1e-3),
        jit_compile=compiled,
    )
    wanted = value_and_gradients(theirs, x, gamma, beta, dtype="float64", weight=weight)
    got = value_and_gradients(ours, x, gamma, beta, weight=weight)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=2e-5)


def plain_standardize(kernel):
    mean, variance = tf.nn.moments(kernel, axes=[0, 1, 2], keepdims=True)
    return (kernel - mean) / tf.sqrt(variance + 1e-10)


def test_standardized_kernel_equals_the_formula_in_float64():
    kernel, weight = normal(3, 3, 7, 5, mean=0.5) * 0.02, normal(3, 3, 7, 5, seed=1)
    wanted = value_and_gradients(plain_standardize, kernel, dtype="float64", weight=weight)
    got = value_and_gradients(gradients.standardize, kernel, weight=weight)
    np.testing.assert_allclose(got[0], wanted[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(got[1], wanted[1], rtol=1e-4, atol=1e-3)  # of the order of 50


def test_limits_of_constant_inputs():
    """No variance: the norm gives its offset and the kernel zero, all gradients finite."""
    ones = np.ones((2, 3, 3, 4))
    y, *slopes = value_and_gradients(
        lambda x, g, b: gradients.group_norm(x, g, b, 2, 1e-5),
        ones, np.ones(4), np.full(4, 0.5), weight=normal(2, 3, 3, 4),
    )  # fmt: skip
    np.testing.assert_allclose(y, 0.5 * ones)
    kernel, slope = value_and_gradients(gradients.standardize, ones, weight=normal(2, 3, 3, 4))
    np.testing.assert_allclose(kernel, 0.0)
    assert all(np.isfinite(slope).all() for slope in [*slopes, slope])


@pytest.mark.parametrize("size,stride,bias", [(1, 1, False), (1, 2, True), (3, 1, True)])
def test_layer_trains_as_the_plain_convolution_says(size, stride, bias):
    """Also where 1x1 becomes a matrix product: strides, odd sides, bias and activation."""
    layer = StandardizedConv2D(6, size, strides=stride, use_bias=bias, activation="relu")
    layer.build((None, 7, 5, 4))
    if bias:
        layer.bias.assign(normal(6, seed=4))
    x, weight = normal(2, 7, 5, 4), normal(*layer.compute_output_shape((2, 7, 5, 4)), seed=5)

    def run(training):
        with tf.GradientTape() as tape:
            y = layer(tf.constant(x, "float32"), training=training)
            total = tf.reduce_sum(y * weight.astype("float32"))
        return [y, *tape.gradient(total, [v.value for v in layer.trainable_variables])]

    for one, other in zip(run(True), run(False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_half_precision_keeps_its_statistics_in_float32():
    x = normal(2, 64, 64, 4) * 200.0  # squares overflow float16
    layer = GroupNorm(2, dtype="mixed_float16")
    wanted = keras.layers.GroupNormalization(2, epsilon=1e-5)(x.astype("float32"))
    got = layer(x.astype("float16"), training=True)
    assert got.dtype == tf.float16
    np.testing.assert_allclose(got, wanted, atol=5e-3)


def test_whole_network_has_the_gradients_of_the_plain_graph():
    """Training and inference are two ways to write the same network."""
    model = models.bit_resnet((1, 1), 0.25, 5, (None, None, 3))
    model.get_layer("logits").kernel.assign(normal(128, 5, seed=2) * 0.1)
    x = normal(4, 24, 20, 3).astype("float32")

    def run(training):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.math.log_softmax(model(x, training=training))[:, 1])
        return tape.gradient(loss, [v.value for v in model.trainable_variables])

    for variable, one, other in zip(model.trainable_variables, run(True), run(False), strict=True):
        scale = float(tf.reduce_max(tf.abs(other)))
        np.testing.assert_allclose(one, other, atol=1e-4 * scale, err_msg=variable.path)
