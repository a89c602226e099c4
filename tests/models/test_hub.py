"""Hub modules: SavedModels made here in every flavour that a handle can lead to."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hub_modules import KERNEL, KINDS, save

from keras_kd.models import HubModule, hub


@pytest.fixture(params=KINDS)
def folder(request, tmp_path):
    return save(request.param, str(tmp_path / request.param))


def images(batch=2, side=8, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, (batch, side, side, 3)).astype("float32")


@pytest.mark.parametrize("input_range", [(0, 1), (-1, 1), (0, 255)])
def test_values_and_range(folder, input_range):
    low, high = input_range
    model = hub(folder, 4, (8, 8, 3), input_range, head=False)
    x = images()
    pixels = (x.astype("float64") + 1) / 2 * (high - low) + low
    np.testing.assert_allclose(model(x), pixels.mean((1, 2)) @ KERNEL, rtol=1e-4, atol=1e-4)
    assert model.output.dtype == "float32" and model.output_shape == (None, 4)
    assert model.trainable_variables == [] and model.count_params() >= 12


def test_fine_tuning_moves_the_module_as_gradient_descent_says(folder):
    model = hub(folder, 4, (8, 8, 3), (-1, 1), trainable=True, head=False)
    assert [tuple(v.shape) for v in model.trainable_variables] == [(3, 4)]
    model.compile(optimizer=keras.optimizers.SGD(0.5), loss="mse")
    x, y = images(4), np.ones((4, 4), "float32")
    features = x.mean((1, 2)).astype("float64")
    gradient = features.T @ (features @ KERNEL - 1) * 2 / 16
    model.train_on_batch(x, y)
    # Seen through the Keras variable and through the module's own function.
    expected = KERNEL - 0.5 * gradient
    np.testing.assert_allclose(model.trainable_variables[0], expected, atol=1e-5)
    np.testing.assert_allclose(model(x), features @ expected, atol=1e-5)


def test_saves_and_loads_what_was_learnt(folder, tmp_path):
    model = hub(folder, 5, (8, 8, 3), trainable=True)
    np.testing.assert_array_equal(model(images()), np.zeros((2, 5)))  # the head starts at zero
    for weight in model.trainable_variables:
        weight.assign(np.random.default_rng(2).normal(size=weight.shape))
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded(images()), model(images()))
    assert np.abs(model(images())).max() > 0 and len(loaded.trainable_variables) == 3


def test_frozen_module_under_a_trained_head(folder):
    model = hub(folder, 2, (8, 8, 3))
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss="mse")
    before = [v.numpy() for v in model.get_layer("pre_logits").variables]
    model.train_on_batch(images(4), np.ones((4, 2), "float32"))
    for old, new in zip(before, model.get_layer("pre_logits").variables):
        np.testing.assert_array_equal(old, new)
    assert np.abs(model.get_layer("logits").kernel).max() > 0


class WithTraining(tf.Module):
    """Gives ones when told that it trains, zeros otherwise."""

    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(1.0)

    @tf.function
    def __call__(self, images, training=False):
        ones = tf.ones([tf.shape(images)[0], 2]) * self.scale
        return ones if training else 0.0 * ones


def test_training_flag_reaches_the_module_only_when_trainable(tmp_path):
    module, path = WithTraining(), str(tmp_path / "m")
    for flag in (True, False):
        module(tf.zeros([1, 8, 8, 3]), training=flag)
        spec = tf.TensorSpec((None, 8, 8, 3), tf.float32)
        module.__call__.get_concrete_function(spec, training=flag)
    tf.saved_model.save(module, path)
    for trainable, wanted in ((True, 1.0), (False, 0.0)):
        model = hub(path, 2, (8, 8, 3), trainable=trainable, head=False)
        np.testing.assert_array_equal(model(images(), training=True), np.full((2, 2), wanted))
        np.testing.assert_array_equal(model(images()), np.zeros((2, 2)))


class Constant(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 3), tf.float32)])
    def __call__(self, images):
        return images[:, :1, :1, :]


def test_refusals(tmp_path):
    path = str(tmp_path / "constant")
    tf.saved_model.save(Constant(), path)
    with pytest.raises(ValueError, match="module with trainable variables"):
        HubModule(path, trainable=True)
    with pytest.raises(ValueError, match=r"output of shape \(1, 1, 1, 3\)"):
        hub(path, 3, (8, 8, 3), head=False)
    with pytest.raises(ValueError, match="float images of the model's input shape"):
        hub(path, 3, (16, 16, 3), head=False)
    with pytest.raises(ValueError, match=r"Received: input_range=\(1, 0\)"):
        HubModule(path, input_range=(1, 0))
    with pytest.raises(ValueError, match="which is not there"):
        HubModule(str(tmp_path / "missing"))
    with pytest.raises(ValueError, match=r"holds no saved_model.pb"):
        HubModule(str(tmp_path))
    silent = str(tmp_path / "silent")
    tf.saved_model.save(tf.train.Checkpoint(v=tf.Variable(1.0)), silent)
    with pytest.raises(ValueError, match="callable or have the signature 'serving_default'"):
        HubModule(silent)


def test_class_count_of_logits(folder):
    with pytest.raises(ValueError, match="gives 4 numbers per image"):
        hub(folder, 7, (8, 8, 3), head=False)


def test_unreachable_handle_says_how_to_use_a_local_copy():
    with pytest.raises(ConnectionError, match=r"(?s)unpack it, and pass the folder.*TFHUB_CACHE"):
        HubModule("https://hub.invalid/module/1")
