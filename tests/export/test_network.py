"""The student as exporters see it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.export import to_saved_model
from keras_kd.export.network import (
    check_logits,
    checked_names,
    image_shape,
    logits_of,
    student_of,
)
from keras_kd.models.layers import GroupNorm


def test_an_open_size_is_what_the_caller_says():
    model = keras.Model(image := keras.Input((None, None, 3)), image)
    assert image_shape(model, 8) == (8, 8, 3) and image_shape(model, (8, 6)) == (8, 6, 3)
    with pytest.raises(ValueError, match=r"Received: input_shape=.*Give `resolution` in pixels"):
        image_shape(model)


def test_a_fixed_size_stays(batch_norm_net):
    assert image_shape(batch_norm_net) == image_shape(batch_norm_net, 12) == (12, 12, 3)
    with pytest.raises(ValueError, match="Received: resolution=13"):
        image_shape(batch_norm_net, 13)


def test_other_inputs_are_refused():
    flat = keras.Model(image := keras.Input((4,)), image)
    with pytest.raises(ValueError, match="Expected a model with one image input"):
        image_shape(flat)


def test_logits_by_name_in_float32():
    image = tf.ones([1, 2])
    assert (
        logits_of(lambda x, training: {"logits": tf.cast(x, tf.float16)}, image).dtype == "float32"
    )
    with pytest.raises(ValueError, match=r"Received: outputs=\['a', 'b'\]"):
        logits_of(lambda x, training: {"b": x, "a": x}, image)


def test_of_what_holds_a_student_it_is_taken(batch_norm_net):
    class Holder:
        student = batch_norm_net

    assert student_of(Holder()) is student_of(batch_norm_net) is batch_norm_net


def ending_in(activation, classes=4):
    image = keras.Input((6, 6, 1))
    x = keras.layers.Dense(classes, name="logits")(keras.layers.Flatten()(image))
    return keras.Model(image, activation(x))


@pytest.mark.parametrize(
    "activation",
    [keras.layers.Softmax(), keras.layers.Activation("softmax"), keras.ops.softmax,
     keras.ops.log_softmax],
    ids=["layer", "activation", "operation", "log"],
)  # fmt: skip
def test_a_softmax_behind_the_logits_is_not_applied_twice(activation, tmp_path):
    model = ending_in(activation)
    images = np.random.default_rng(0).uniform(-1, 1, (3, 6, 6, 1)).astype(np.float32)
    kernel, bias = model.get_weights()
    logits = images.reshape(3, -1).astype(float) @ (9 * kernel) + bias
    model.set_weights([9 * kernel, bias])
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    to_saved_model(model, tmp_path / "m")
    serve = tf.saved_model.load(str(tmp_path / "m")).signatures["serving_default"]
    told = serve(image=tf.constant(images))["probabilities"]
    np.testing.assert_allclose(told, expected, atol=1e-5)


def test_one_sigmoid_is_two_classes_and_several_are_refused():
    images = np.ones((1, 6, 6, 1), np.float32)
    single = ending_in(keras.ops.sigmoid, 1)
    told = logits_of(student_of(single), images).numpy()[0]
    np.testing.assert_allclose(1 / (1 + np.exp(-told[1])), single(images).numpy()[0, 0], atol=1e-6)
    with pytest.raises(ValueError, match=r"exclude one another.*sigmoid.*without that layer"):
        student_of(ending_in(keras.ops.sigmoid))


def test_probabilities_that_no_layer_tells_of_are_seen_by_their_values(batch_norm_net):
    model = ending_in(lambda x: keras.ops.exp(x) / keras.ops.sum(keras.ops.exp(x), -1, True))
    assert student_of(model) is model
    with pytest.raises(ValueError, match=r"answers are probabilities.*without its softmax"):
        check_logits(model, (6, 6, 1))
    check_logits(batch_norm_net, (12, 12, 3))


def test_half_precision_becomes_float32_in_every_layer():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        image = keras.Input((8, 8, 4))
        inner = keras.Sequential([keras.Input((8, 8, 4)), GroupNorm(2), keras.layers.ReLU()])
        x = keras.layers.GlobalAveragePooling2D()(inner(image))
        model = keras.Model(image, keras.layers.Dense(3, dtype="float32")(x))
    finally:
        keras.config.set_dtype_policy(before)
    student = student_of(model)
    kinds = [layer.compute_dtype for layer in (*student.layers, *student.layers[1].layers)]
    assert set(kinds) == {"float32"} and keras.config.dtype_policy() == before
    for own, given in zip(student.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(own, given)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 4)).astype(np.float32)
    np.testing.assert_allclose(student(images), model(images), atol=5e-3)
    assert np.abs(student(images) - model(images)).max() > 0


def test_what_cannot_be_built_anew_is_told(monkeypatch):
    policy = keras.DTypePolicy("mixed_bfloat16")
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(dtype=policy)])

    def refuse(*args, **kwargs):
        raise ValueError("no config")

    monkeypatch.setattr(keras.models, "clone_model", refuse)
    with pytest.raises(ValueError, match=r"policy mixed_bfloat16.*no config.*set_dtype_policy"):
        student_of(model)


def test_names_are_as_many_as_logits(batch_norm_net):
    assert checked_names(["a", 1, "c"], batch_norm_net) == ["a", "1", "c"]
    assert checked_names(None, batch_norm_net) is None


@pytest.mark.parametrize(
    "end",
    [
        lambda x: keras.layers.Flatten()(keras.layers.Softmax()(keras.layers.Reshape((2, 2))(x))),
        keras.layers.Softmax(axis=0),
    ],
)
def test_a_softmax_over_something_else_than_all_classes_stays(end):
    model = ending_in(end)
    assert student_of(model) is model


def test_logits_that_sum_to_1_are_logits():
    model = ending_in(lambda x: x)
    model.get_layer("logits").set_weights([np.zeros((36, 4)), np.full(4, 0.25)])
    check_logits(model, (6, 6, 1))
    hidden = ending_in(keras.layers.Lambda(lambda x: x))
    hidden.get_layer("logits").set_weights([np.zeros((36, 4)), np.full(4, 0.25)])
    with pytest.raises(ValueError, match="sum to 1"):
        check_logits(hidden, (6, 6, 1))
