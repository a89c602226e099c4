"""Taps replay a model's graph through a private Keras function: this fails loudly if it changes."""

import keras
import numpy as np
import pytest

from keras_kd.models.taps import tap_names, tapped


def backbone():
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(images)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dropout(0.5, name="drop")(x)
    return keras.Model(images, x, name="backbone")


def nested():
    images = keras.Input((8, 8, 3))
    x = backbone()(images)
    shared = keras.layers.Dense(4, name="shared")
    x = shared(shared(x))
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(images, keras.layers.Dense(3, name="head")(x), name="net")


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")


def test_names_show_nesting_and_repeated_calls():
    names = ["backbone/conv", "backbone/norm", "backbone/drop", "backbone"]
    assert tap_names(nested()) == [*names, "shared", "shared:1", "pool", "head"]


def test_taps_equal_the_features_computed_by_hand(images):
    model = nested()
    inner = model.get_layer("backbone")
    outputs = tapped(model, ["norm", "shared", "shared:1", "pool"])(images, training=False)
    conv = inner.get_layer("conv")(images)
    norm = inner.get_layer("norm")(conv, training=False)
    shared = model.get_layer("shared")
    np.testing.assert_array_equal(outputs["norm"], norm)
    np.testing.assert_array_equal(outputs["shared"], shared(norm))
    np.testing.assert_array_equal(outputs["shared:1"], shared(shared(norm)))
    np.testing.assert_allclose(
        outputs["pool"], np.mean(outputs["shared:1"], axis=(1, 2)), atol=1e-6
    )
    np.testing.assert_array_equal(outputs["logits"], model(images, training=False))


@pytest.mark.parametrize("training", [True, False])
def test_the_tapped_model_is_the_model(images, training):
    """Same logits, same dropout masks, same batch-norm update, the very same weights."""
    model, twin = nested(), nested()
    twin.set_weights(model.get_weights())
    for m in (model, twin):
        m.get_layer("backbone").get_layer("drop").seed_generator.state.assign([1, 2])
    taps = tapped(twin, ["conv"])
    np.testing.assert_array_equal(
        model(images, training=training), taps(images, training=training)["logits"]
    )
    for a, b in zip(model.weights, twin.weights):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert {id(w) for w in taps.weights} == {id(w) for w in twin.weights}


def test_sequential_and_nested_sequential(images):
    body = keras.Sequential([keras.layers.Conv2D(2, 3, name="conv")], name="body")
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), body, keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    outputs = tapped(model, ["body/conv"])(images)
    np.testing.assert_array_equal(outputs["body/conv"], body(images))
    np.testing.assert_array_equal(outputs["logits"], model(images))


def test_keras_applications_can_be_tapped():
    model = keras.applications.MobileNetV3Small(
        (32, 32, 3), weights=None, classes=5, classifier_activation=None, minimalistic=True
    )
    name = "expanded_conv_4_add"
    assert name in tap_names(model)
    image = np.zeros((1, 32, 32, 3), "float32")
    outputs = tapped(model, [name])(image, training=False)
    np.testing.assert_array_equal(outputs["logits"], model(image, training=False))


def test_unknown_taps_list_what_there_is():
    with pytest.raises(ValueError, match=r"tap='nrom'. Did you mean 'norm'.*shared:1"):
        tapped(nested(), ["nrom"])


def test_ambiguous_taps_ask_for_the_path():
    images = keras.Input((8, 8, 3))
    first, second = backbone(), backbone()
    second.name = "other"
    model = keras.Model(images, keras.layers.Add()([first(images), second(images)]))
    with pytest.raises(ValueError, match=r"stands for several .*other/conv"):
        tapped(model, ["conv"])


def test_models_without_a_graph_are_refused():
    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="functional or Sequential"):
        tapped(Subclassed(name="sub"), ["x"])


def test_a_backbone_called_by_keyword_is_replayed():
    inner = keras.Input((4, 4, 3))
    backbone = keras.Model(inner, keras.layers.Conv2D(2, 3, name="conv")(inner), name="backbone")
    outer = keras.Input((4, 4, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(backbone(inputs=outer))
    model = keras.Model(outer, pooled)
    images = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype("float32")
    outputs = tapped(model, ["conv"])(images)
    np.testing.assert_allclose(outputs["logits"], model(images), rtol=1e-6)
    np.testing.assert_allclose(outputs["conv"], backbone(images), rtol=1e-6)


def test_nested_models_whose_layers_bear_the_same_names_can_be_tapped():
    """Only those that are tapped inside are opened: Keras wants names of their own side by side."""

    def block(name):
        inputs = keras.Input((8, 8, 4))
        conv = keras.layers.Conv2D(4, 3, padding="same", name="conv")
        return keras.Model(inputs, conv(inputs), name=name)

    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 1, name="stem")(images)
    x = block("b")(block("a")(x))
    model = keras.Model(images, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    image = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    stem = model.get_layer("stem")(image)
    expected = {"stem": stem, "a/conv": model.get_layer("a")(stem)}
    expected["b"] = model.get_layer("b")(expected["a/conv"])
    for name, value in expected.items():
        found = tapped(model, [name])(image)
        np.testing.assert_allclose(found[name], value, atol=1e-6)
        np.testing.assert_allclose(found["logits"], model(image), atol=1e-6)
