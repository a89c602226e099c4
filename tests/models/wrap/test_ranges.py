"""Fake quantisers of tensors: 256 steps with zero among them, learned, moving or fixed."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from shrunk import photographs

from keras_kd.models.wrap.ranges import FixedRange, InFloat, LSQRange, MinMaxRange


def made(layer, low=-1.0, high=3.0):
    layer.build((None, 8, 8, 3))
    layer.start(low, high)
    return layer


@pytest.mark.parametrize("kind", [LSQRange, MinMaxRange])
def test_256_steps_and_zero(kind):
    layer, x = made(kind()), 5 * photographs(4)
    low, high = map(float, layer.ends())
    assert high - low == pytest.approx(4.0, rel=1e-5)
    y = np.asarray(layer(x))
    np.testing.assert_array_equal(layer(np.zeros((1, 8, 8, 3), "float32")), 0.0)
    whole = y / float(layer.step())
    np.testing.assert_allclose(whole, np.round(whole), atol=1e-3)
    assert len(np.unique(np.round(whole))) <= 256 and y.max() > 2.9 and y.min() < -0.9
    inside = (x > -0.9) & (x < 2.9)
    assert np.abs(y - x)[inside].max() <= 0.51 * float(layer.step())


def test_behind_a_relu_no_step_is_below_zero():
    layer = made(LSQRange(), 0.0, 2.0)
    assert float(layer.below) == 0 and list(map(float, layer.ends())) == pytest.approx([0, 2])
    assert float(made(LSQRange(), -1.0, 1.0).below) in (127, 128)


def test_learned_ranges_in_training_and_after_are_the_same():
    layer, x = made(LSQRange()), 5 * photographs(4)
    np.testing.assert_allclose(layer(x, training=True), layer(x), atol=1e-6)


def test_the_gradient_of_a_learned_step():
    """As the paper's, N the numbers of one image, times s for its logarithm."""
    layer, x = made(LSQRange()), 5 * photographs(4)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x, training=True))
    (found,) = tape.gradient(loss, layer.trainable_variables)
    step, below = np.exp(float(layer.log_step)), float(layer.below)
    v, high = x.astype("float64") / step, 255 - below
    by_step = np.where(v <= -below, -below, np.where(v >= high, high, np.round(v) - v))
    assert float(found) == pytest.approx(by_step.sum() * step / np.sqrt(192 * high), rel=1e-3)


def test_moving_ends_follow_batches():
    layer, x = made(MinMaxRange(), -1.0, 1.0), photographs(4) * 3
    for _ in range(3):
        layer(x, training=True)
    share = 0.99**3
    assert float(layer.low) == pytest.approx(-share + x.min() * (1 - share), rel=1e-5)
    assert float(layer.high) == pytest.approx(share + x.max() * (1 - share), rel=1e-5)
    before = [float(layer.low), float(layer.high)]
    layer(5 * x)
    assert [float(layer.low), float(layer.high)] == before and not layer.trainable_weights


def test_gradients_pass_within_a_fixed_range():
    layer, x = FixedRange(-1.0, 1.0), tf.constant([[-2.0, -0.5, 0.5, 2.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x, training=True))
    np.testing.assert_array_equal(tape.gradient(loss, x), [[0, 1, 1, 0]])


def test_they_are_what_they_were_when_loaded(tmp_path):
    images = keras.Input((8, 8, 3))
    layers = [FixedRange(-1.0, 1.0, name="a"), LSQRange(name="b"), MinMaxRange(name="c")]
    x = images
    for layer in [*layers, InFloat(name="d")]:
        x = layer(x)
    layers[1].start(-1.0, 3.0)
    layers[2].start(-0.5, 0.25)
    model, x = keras.Model(images, x), photographs(2)
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "m.keras")(x), model(x))
    np.testing.assert_allclose(InFloat()(x), x, rtol=2e-7)
