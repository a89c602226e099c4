"""TFLite files as teachers: float ones are asked what they expect, quantised ones say it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from teacher_models import images
from tflite_files import ending_in, network, write

from keras_kd import KDModel, methods
from keras_kd.models.answers import is_binary, is_normalized
from keras_kd.teachers import freeze, load
from keras_kd.teachers.prepare import usual_range


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("lite"), network()
    return model, {
        "float": write(folder / "float.tflite", model, batch=1),
        "uint8": write(folder / "uint8.tflite", model, tf.uint8),
    }


def test_a_float_file(files):
    model, paths = files
    with pytest.raises(ValueError, match=r"must be told: .*Give input_range"):
        load(paths["float"], 4, (8, 8, 3))
    for handle in (paths["float"], f"tflite:{paths['float']}"):
        teacher = load(handle, 4, input_range=(-1, 1))
        assert teacher.input_shape == (None, 8, 8, 3)
        np.testing.assert_allclose(teacher(images()), model(images()), atol=1e-4)
    shifted = load(handle, 4, input_range=(0, 1))
    np.testing.assert_allclose(shifted(images()), model((images() + 1) / 2), atol=1e-4)


def test_our_own_export_says_what_it_expects(files, tmp_path):
    """A student on a phone may teach the next one."""
    from keras_kd.export import to_tflite

    model, _ = files
    to_tflite(model, tmp_path / "ours.tflite")
    teacher = load(str(tmp_path / "ours.tflite"), 4, (8, 8, 3))
    np.testing.assert_allclose(teacher(images()), model(images()), atol=1e-4)


def test_a_quantised_file_knows_its_pixels(files):
    model, paths = files
    teacher = load(paths["uint8"], 4, (8, 8, 3))
    expected = model(images()).numpy()
    np.testing.assert_allclose(teacher(images()), expected, atol=0.05 * np.ptp(expected))
    frozen = freeze(teacher, batch_size=2)
    assert frozen.engine == "graph"
    np.testing.assert_allclose(frozen(images()), teacher(images()), atol=1e-6)


@pytest.mark.parametrize(
    ("value_range", "expected"),
    [
        ((-0.996, 1.004), (-1, 1)),
        ((0.0, 0.996), (0, 1)),
        ((0.0, 255.0), (0, 255)),
        ((-2.1, 2.6), None),  # behind ImageNet's normalisation
        ((-128.0, 127.0), None),
        (None, None),
    ],
)
def test_numbers_that_stand_for_no_usual_range_tell_nothing(value_range, expected):
    assert usual_range(value_range) == expected


def test_sizes_that_do_not_fit(files):
    _, paths = files
    with pytest.raises(ValueError, match=r"8x8 pixels.*\(16, 16, 3\)"):
        load(paths["float"], 4, (16, 16, 3), input_range=(-1, 1))


def student(classes=4):
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, keras.layers.Dense(classes)(keras.layers.Flatten()(inputs)))


def probabilities(logits):
    return np.asarray(tf.nn.softmax(tf.cast(logits, tf.float64)))


def test_a_softmax_of_floats(tmp_path, caplog):
    path = write(tmp_path / "soft.tflite", ending_in(tf.nn.softmax))
    teacher = load(path, 4, (8, 8, 3), input_range=(-1, 1))
    assert is_normalized(teacher) and "coarse" not in caplog.text
    expected = probabilities(network()(images()))
    np.testing.assert_allclose(probabilities(teacher(images())), expected, atol=1e-5)
    KDModel(student(), teacher, methods.SoftTargets())


@pytest.mark.parametrize("type_", [tf.int8, tf.uint8])
def test_a_softmax_of_whole_numbers(tmp_path, type_, caplog):
    """Whose numbers of 1/256 do not sum to 1."""
    path = write(tmp_path / "soft.tflite", ending_in(tf.nn.softmax, 0.3), type_)
    teacher = load(path, 4, (8, 8, 3))
    assert is_normalized(teacher)
    assert caplog.text.count("soft targets are coarse") == 1 and "0.0039 apart" in caplog.text
    expected = probabilities(0.3 * network()(images()))
    np.testing.assert_allclose(probabilities(teacher(images())), expected, atol=0.05)
    with pytest.raises(
        ValueError, match=r"activation='sigmoid' for .*shows softmax\. Leave it out"
    ):
        load(path, 4, (8, 8, 3), activation="sigmoid")
    assert load(path, 4, (8, 8, 3), activation="softmax").output_shape == (None, 4)


@pytest.mark.parametrize("classes", [10, 100, 1000])
def test_many_classes_of_whole_numbers(tmp_path, classes):
    """Most of which are 0, so that a row sums to anything."""
    kernel = np.random.default_rng(0).normal(0, 9, (4, classes)).astype("float32")
    end = lambda z: tf.nn.softmax(tf.nn.tanh(z) @ kernel)  # noqa: E731
    path = write(tmp_path / "many.tflite", ending_in(end), tf.uint8, batch=1)
    teacher = load(path, classes, (8, 8, 3))
    assert is_normalized(teacher) and teacher.output_shape == (None, classes)


def test_sums_of_whole_numbers_may_be_off_by_half_a_step_each(tmp_path):
    """Where what stands last is not the softmax itself, the values alone tell."""
    kernel = np.random.default_rng(0).normal(0, 0.1, (4, 40)).astype("float32")
    order = np.arange(40)[::-1]
    end = lambda z: tf.gather(tf.nn.softmax(tf.nn.tanh(z) @ kernel), order, axis=1)  # noqa: E731
    path = write(tmp_path / "many.tflite", ending_in(end), tf.int8, batch=1)
    teacher = load(path, 40, (8, 8, 3))
    assert teacher.get_layer("logits").shown == "" and is_normalized(teacher)
    sums = np.exp(np.asarray(teacher(images()), np.float64)).sum(-1)
    assert 0.01 < np.abs(sums - 1).max() < 20 / 256


def test_sigmoids_of_whole_numbers(tmp_path):
    path = write(tmp_path / "each.tflite", ending_in(tf.nn.sigmoid, 0.3), tf.int8)
    teacher = load(path, 4, (8, 8, 3))
    assert is_binary(teacher)
    expected = tf.sigmoid(0.3 * network()(images()))
    np.testing.assert_allclose(tf.sigmoid(teacher(images())), expected, atol=0.05)


def test_logits_between_0_and_1_are_logits(tmp_path):
    path = write(tmp_path / "small.tflite", ending_in(lambda z: 1e-3 * z + 0.25))
    teacher = load(path, 4, (8, 8, 3), input_range=(-1, 1), activation="linear")
    expected = 1e-3 * network()(images()) + 0.25
    np.testing.assert_allclose(teacher(images()), expected, atol=1e-5)


def several(z):
    return {"scores": z, "label": tf.argmax(z, -1), "place": tf.argmax(z, -1)[:, None]}


@pytest.mark.parametrize("classes", [2, 4])
def test_a_label_beside_the_scores(tmp_path, classes):
    end = lambda z: several(z[:, :classes])  # noqa: E731
    path = write(tmp_path / "two.tflite", ending_in(end))
    expected = network()(images())[:, :classes]
    teacher = load(path, classes, (8, 8, 3), input_range=(-1, 1))
    np.testing.assert_allclose(teacher(images()), expected, atol=1e-4)
    teacher = load(path, classes, (8, 8, 3), input_range=(-1, 1), output="Identity_2")
    np.testing.assert_allclose(teacher(images()), expected, atol=1e-4)
    with pytest.raises(
        ValueError, match=r"of float32, .*'Identity_1' of int64\. Export it with fl"
    ):
        load(path, classes, (8, 8, 3), input_range=(-1, 1), output="Identity_1")


def test_our_own_probabilities(tmp_path):
    from keras_kd.export import to_tflite

    shown = [np.random.default_rng(0).uniform(-1, 1, (32, 8, 8, 3)).astype("float32")]
    path = tmp_path / "ours.tflite"
    to_tflite(network(), path, "int8", shown, io="uint8", output="probabilities")
    assert is_normalized(load(str(path), 4, (8, 8, 3)))
