"""Every kind of handle that makes a teacher, and every mismatch that is refused."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.models import bit_resnet, resnet
from keras_kd.models.bit.published import PUBLISHED, Published
from keras_kd.models.bit.weights import _layer_name
from keras_kd.models.saved import expected_range
from keras_kd.teachers import load


def images(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape or (2, 8, 8, 3)).astype("float32")


def small(*leading, side=8, classes=4, activation=None):
    return keras.Sequential(
        [
            keras.Input((side, side, 3)),
            *leading,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(classes, activation=activation, name="top"),
        ]
    )


class Mean(tf.Module):
    """The three channel means as logits, or their softmax, or not a number."""

    def __init__(self, kind="logits"):
        super().__init__()
        self.kind = kind
        self.scale = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 3), tf.float32)])
    def __call__(self, x):
        logits = tf.reduce_mean(x, [1, 2]) * self.scale
        extra = {"softmax": tf.nn.softmax(logits), "nan": logits * np.nan}
        return extra.get(self.kind, logits)


def saved(path, kind="logits", recorded=None):
    tf.saved_model.save(Mean(kind), str(path))
    if recorded is not None:
        (path / "assets.extra").mkdir()
        (path / "assets.extra" / "keras_kd.json").write_text(recorded)
    return str(path)


def test_model_object_is_frozen_and_unchanged():
    model = resnet(8, 0.5, 4, (8, 8, 3))
    x = images()
    before = model(x)
    teacher = load(model, num_classes=4, input_shape=(8, 8, 3))
    assert teacher is model and teacher.trainable_variables == []
    np.testing.assert_array_equal(teacher(x), before)


def test_keras_file(tmp_path):
    model, x = resnet(8, 0.5, 4, (8, 8, 3)), images()
    model.save(tmp_path / "teacher.keras")
    for handle in (tmp_path / "teacher.keras", str(tmp_path / "teacher.keras")):
        teacher = load(handle, 4, (8, 8, 3))
        np.testing.assert_array_equal(teacher(x), model(x))
        assert teacher.trainable_variables == []


@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (-1, 1)])
def test_input_range_is_converted(low, high, tmp_path):
    model, x = small(), images()
    pixels = (x.astype("float64") + 1) / 2 * (high - low) + low
    teacher = load(model, 4, (8, 8, 3), input_range=(low, high))
    np.testing.assert_allclose(teacher(x), model(pixels), rtol=1e-4, atol=1e-4)
    folder = saved(tmp_path / "m")
    teacher = load(folder, 3, (8, 8, 3), input_range=(low, high))
    np.testing.assert_allclose(teacher(x), 2 * pixels.mean((1, 2)), rtol=1e-4, atol=1e-4)


def test_hub_handle_takes_zero_to_one_by_default(tmp_path):
    teacher = load(f"hub:{saved(tmp_path / 'm')}", 3, (8, 8, 3))
    np.testing.assert_allclose(teacher(images()), images().mean((1, 2)) + 1, atol=1e-5)


def test_saved_model_needs_a_range_or_its_own_record(tmp_path):
    with pytest.raises(ValueError, match=r"(?s)input_range must be given.*\(-1, 1\), \(0, 1\)"):
        load(saved(tmp_path / "a"), 3, (8, 8, 3))
    own = saved(tmp_path / "b", recorded=json.dumps({"input_range": [-1, 1]}))
    np.testing.assert_allclose(
        load(own, 3, (8, 8, 3))(images()), 2 * images().mean((1, 2)), atol=1e-5
    )
    broken = saved(tmp_path / "c", recorded="{")
    with pytest.raises(ValueError, match="must hold"):
        load(broken, 3, (8, 8, 3))


def test_published_bit_comes_from_the_cache(tmp_path, monkeypatch):
    donor = bit_resnet((1, 1), 0.25, 37, (32, 32, 3))
    donor.set_weights([w + 0.1 for w in donor.get_weights()])
    # Nothing listens there: whoever asks the network fails.
    entry = Published("http://127.0.0.1:9/pets.npz", (1, 1), 0.25, 37, 32)
    monkeypatch.setitem(PUBLISHED, "tiny-pets32", entry)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(ValueError, match="a network of 37 classes"):
        load("bit:tiny-pets32", 10)
    with pytest.raises(ConnectionError, match=r"9/pets.npz.*put the file at .*tiny-pets32.npz"):
        load("bit:tiny-pets32", 37)
    arrays = {}
    for layer in (layer for layer in donor.layers if layer.weights):
        common = _layer_name(layer.name).replace("logits", "head")
        names = (
            ("scale", "bias")
            if len(layer.weights) == 2 and common != "head"
            else ("kernel", "bias")
        )
        arrays |= {f"{common}/{name}": w for name, w in zip(names, layer.get_weights())}
    np.savez(tmp_path / "keras_kd" / "bit" / "tiny-pets32.npz", **arrays)
    teacher, x = load("bit:tiny-pets32", 37), images(2, 32, 32, 3)
    np.testing.assert_array_equal(teacher(x), donor(x))
    assert teacher.trainable_variables == []
    # A file of other classes than the table says must not leave a teacher with a head of zeros.
    monkeypatch.setitem(PUBLISHED, "tiny-pets32", entry._replace(num_classes=10))
    with pytest.raises(ValueError, match="a file of 37 classes"):
        load("bit:tiny-pets32", 10)


def test_handles_that_lead_nowhere(tmp_path):
    (tmp_path / "cut.keras").write_bytes(b"PK\x03\x04 cut short")
    (tmp_path / "empty").mkdir()
    resnet(8, 0.5, 2, (8, 8, 3)).save(tmp_path / "good.keras")
    import zipfile

    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("readme.txt", "no model")
    cases = {
        str(tmp_path / "none.keras"): "which is not there",
        str(tmp_path / "cut.keras"): "whole Keras 3 archive",
        str(tmp_path / "other.keras"): "must load with keras.models.load_model",
        str(tmp_path / "empty"): "holds no saved_model.pb",
        "bit:R50x1-imagenet225": "must be one of R50x1-imagenet160.*mean 'R50x1-imagenet224'",
        "bits:R50x1-M": "unknown scheme 'bits:'",
        "https://example.com/model": "unknown scheme 'https:'",
        "": "handle must be a Keras model",
    }
    for handle, text in cases.items():
        with pytest.raises(ValueError, match=text):
            load(handle, 2, (8, 8, 3), input_range=(-1, 1))
    with pytest.raises(ValueError, match="Received: handle=3"):
        load(3)


def test_unreachable_hub_handle_is_one_readable_error():
    with pytest.raises(ConnectionError, match=r"(?s)cannot be fetched.*hub.invalid.*local copy"):
        load("hub:https://hub.invalid/module/1", 3, (8, 8, 3))


def test_class_count():
    with pytest.raises(ValueError, match=r"(?s)7 in all.*4 outputs.*models.hub\(handle"):
        load(small(), num_classes=7)


def test_sizes_and_channels():
    with pytest.raises(ValueError, match=r"8x8 pixels.*\(16, 16, 3\)"):
        load(small(), 4, (16, 16, 3))
    with pytest.raises(ValueError, match=r"3 channels.*\(8, 8, 1\)"):
        load(small(), 4, (8, 8, 1))
    free = resnet(8, 0.5, 4, (None, None, 3))
    assert load(free, 4, (24, 16, 3)) is free


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_probabilities_in_every_place(activation):
    inner = small(activation=activation)
    outer_input = keras.Input((8, 8, 3))
    plain = small()
    models = [
        inner,
        keras.Model(outer_input, inner(outer_input)),
        keras.Sequential([small(), keras.layers.Activation(activation)]),
        keras.Model(plain.inputs[0], getattr(keras.ops, activation)(plain.outputs[0])),
        keras.Sequential([inner, keras.layers.Activation("linear"), keras.layers.Flatten()]),
    ]
    if activation == "softmax":
        models.append(keras.Sequential([small(), keras.layers.Softmax()]))
    for model in models:
        with pytest.raises(ValueError, match=f"(?s)must give logits.*{activation}"):
            load(model, 4)


def test_outputs_that_only_running_shows(tmp_path):
    with pytest.raises(ValueError, match="probabilities that sum to 1"):
        load(saved(tmp_path / "p", "softmax"), 3, (8, 8, 3), (-1, 1))
    with pytest.raises(ValueError, match="6 values that are not finite"):
        load(saved(tmp_path / "n", "nan"), 3, (8, 8, 3), (-1, 1))


def test_output_of_another_rank_and_two_inputs():
    inputs = keras.Input((8, 8, 3))
    with pytest.raises(ValueError, match=r"(?s)one output.*\(None, 8, 8, 3\)"):
        load(keras.Model(inputs, keras.layers.ReLU()(inputs)))
    other = keras.Input((8, 8, 3))
    both = keras.layers.Flatten()(inputs + other)
    with pytest.raises(ValueError, match="one batch of images"):
        load(keras.Model([inputs, other], both))


RANGES = [
    (keras.layers.Rescaling(1 / 255), (0, 255)),
    (keras.layers.Rescaling(1 / 127.5, -1), (0, 255)),
    (keras.layers.Rescaling(2.0, -1), (0, 1)),
    (keras.layers.Rescaling(255.0), (0, 1)),
    (keras.layers.Rescaling(127.5, 127.5), (-1, 1)),
    (keras.layers.Rescaling(0.5, 0.5), (-1, 1)),
    (keras.layers.Rescaling(1.0), (-1, 1)),
    (keras.layers.Normalization(mean=[124, 116, 104], variance=[3400, 3300, 3300]), (0, 255)),
    (keras.layers.Normalization(mean=[0.48, 0.46, 0.41], variance=[0.05, 0.05, 0.05]), (0, 1)),
]


@pytest.mark.parametrize(("layer", "expected"), RANGES)
def test_range_is_read_off_the_first_layers(layer, expected):
    config = layer.get_config()
    model = small(type(layer).from_config(config))
    assert expected_range(model) == expected
    if expected == (-1, 1):
        assert load(model, 4) is model
        return
    low, high = expected
    with pytest.raises(ValueError, match=rf"expects \[{low}, {high}\].*input_range"):
        load(model, 4)
    teacher = load(model, 4, input_range=expected)
    pixels = (images() + 1) / 2 * (high - low) + low
    np.testing.assert_allclose(teacher(images()), model(pixels), rtol=1e-3, atol=1e-4)


def test_bad_range_and_missing_shape(tmp_path):
    with pytest.raises(ValueError, match=r"Received: input_range=\(1, -1\)"):
        load(small(), input_range=(1, -1))
    with pytest.raises(ValueError, match="input_shape must be given"):
        load(saved(tmp_path / "m"), 3)


def test_subclassed_model_is_wrapped():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.top = keras.layers.Dense(4)

        def call(self, x):
            return self.top(keras.ops.mean(x, (1, 2)))

    with pytest.raises(ValueError, match="must declare its input"):
        load(Own(), 4)
    own = Own()
    teacher = load(own, 4, (8, 8, 3))
    np.testing.assert_allclose(teacher(images()), own(images()), atol=1e-6)


def test_our_own_export_is_a_teacher(tmp_path):
    """A student that was shipped may teach the next one; its folder tells its value range."""
    from keras_kd.export import to_saved_model

    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(inputs)
    student = keras.Model(inputs, keras.layers.Dense(5)(x))
    to_saved_model(student, tmp_path / "saved", class_names=list("abcde"))
    teacher = load(str(tmp_path / "saved"), num_classes=5, input_shape=(8, 8, 3))
    images = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(teacher(images), student(images), atol=1e-5)
