"""Networks of keras.applications: all of them, in the house's range, with taps and any weights."""

import inspect

import keras
import numpy as np
import pytest

from keras_kd import models
from keras_kd.models import zoo
from keras_kd.models.pixels import pixels_of
from keras_kd.models.taps import tap_names, tapped

SMALL = {"alpha": 0.25}  # of MobileNet, which is built in a second


def images(side=32, channels=3):
    return np.random.default_rng(0).uniform(-1, 1, (2, side, side, channels)).astype("float32")


def test_every_network_of_the_module_is_there():
    """All functions of keras.applications are builders of networks."""
    names = {name for name, one in vars(keras.applications).items() if inspect.isfunction(one)}
    assert set(zoo.families()) == names and len(names) >= 38


@pytest.mark.parametrize("name", sorted(zoo.families()))
def test_values_are_those_of_keras_own_preprocessing(name):
    family = zoo.families()[name]
    preprocess = inspect.getmodule(family.build).preprocess_input
    expected = preprocess((images(4).astype("float64") + 1) * 127.5)
    inputs = keras.Input((4, 4, 3))
    found = keras.Model(inputs, family.convert(inputs))(images(4))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_student():
    student = models.build("keras:MobileNet", 5, (32, 32, 3), **SMALL)
    assert student.output_shape == (None, 5) and student.output.dtype == "float32"
    names = tap_names(student)
    assert {f"stage{number}" for number in range(1, 6)} | {"pre_logits", "logits"} <= set(names)
    sides = [student.get_layer(f"stage{number}").output.shape[1] for number in range(1, 6)]
    assert sides == [16, 8, 4, 2, 1]
    np.testing.assert_array_equal(student(images()), np.zeros((2, 5)))  # its head starts at zero
    assert all(layer.trainable for layer in student.layers)
    # Keras's own count without its classifier, and ours.
    own = keras.applications.MobileNet((32, 32, 3), weights=None, include_top=False, **SMALL)
    assert student.count_params() == own.count_params() + 256 * 5 + 5


def test_grey_images_are_seen_in_colour():
    student = models.build("keras:MobileNet", 5, (32, 32, 1), **SMALL)
    colour = models.build("keras:MobileNet", 5, (32, 32, 3), **SMALL)
    colour.set_weights(student.get_weights())
    grey = images(channels=1)
    for model in (student, colour):
        model.get_layer("logits").kernel.assign(np.ones((256, 5)))
    np.testing.assert_allclose(student(grey), colour(np.repeat(grey, 3, -1)), rtol=1e-5)
    with pytest.raises(ValueError, match="in colour or in grey"):
        models.build("keras:MobileNet", 5, (32, 32, 4), **SMALL)


@pytest.mark.parametrize(
    ("name", "kwargs", "message"),
    [
        ("keras:MobileNetV4", {}, r"of keras\.applications: .*Did you mean 'MobileNetV2'"),
        ("keras:MobileNetV2", {"alfa": 1}, r"takes .*alpha.*Received: alfa=1.*mean 'alpha'"),
        ("keras:MobileNetV2?alfa=1", {}, r"takes alpha, weights.*Received: alfa=1"),
        ("keras:MobileNetV2", {"weights": "imagenett"}, "or a file that is there"),
        ("keras:Xception", {}, r"keras:Xception cannot be built .*\(32, 32, 3\): .*71"),
        ("kers:MobileNetV2", {}, "name must be one of .*, or keras:NAME"),
    ],
)
def test_what_there_is_not(name, kwargs, message):
    with pytest.raises(ValueError, match=message):
        models.build(name, 5, (32, 32, 3), **kwargs)


def test_names_and_options_are_read():
    family, options = zoo.parse("keras:MobileNetV3Small?minimalistic=true&alpha=0.75&weights=a.h5")
    assert family.name == "MobileNetV3Small"
    assert options == {"minimalistic": True, "alpha": 0.75, "weights": "a.h5"}
    assert zoo.parse("keras:VGG16")[1] == {}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Keras's own network of five classes with random weights, and the files that Keras writes."""
    keras.utils.set_random_seed(3)
    model = keras.applications.MobileNet(
        (32, 32, 3), weights=None, classes=5, classifier_activation=None, **SMALL
    )
    model.set_weights([w + np.random.normal(0, 0.02, w.shape) for w in model.get_weights()])
    folder = tmp_path_factory.mktemp("weights")
    model.save_weights(folder / "mine.weights.h5")
    model.save(folder / "whole.h5")
    return model, folder


@pytest.mark.parametrize("file", ["mine.weights.h5", "whole.h5"])
def test_weights_of_a_file_with_their_classifier(trained, file):
    own, folder = trained
    expected = own(keras.applications.mobilenet.preprocess_input((images() + 1) * 127.5))
    handle = f"keras:MobileNet?alpha=0.25&weights={folder / file}"
    teacher = zoo.with_classifier(handle, 5, (32, 32, 3))
    np.testing.assert_allclose(teacher(images()), expected, atol=1e-4)
    assert {"stage1", "stage5", "pre_logits", "logits"} <= set(tap_names(teacher))
    unusual = zoo.with_classifier(handle, 5, (32, 32, 3), pixels_of((0, 1)))
    np.testing.assert_allclose(unusual(images()), own((images() + 1) / 2), atol=1e-4)


@pytest.mark.parametrize("name", ["VGG16", "MobileNetV3Small"])
def test_a_network_sees_the_values_of_its_family(name):
    """Blue first without its mean, or all as they are, in front of Keras's own network."""
    family = zoo.families()[name]
    body = models.build(f"keras:{name}", 5, (32, 32, 3))
    own = family.build(include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg")
    own.set_weights(body.get_weights()[:-2])
    preprocess = inspect.getmodule(family.build).preprocess_input
    expected = own(preprocess((images().astype("float64") + 1) * 127.5)).numpy()
    found = tapped(body, ["pre_logits"])(images())["pre_logits"]
    np.testing.assert_allclose(found, expected, atol=1e-5 + 1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("file", ["mine.weights.h5", "whole.h5"])
def test_weights_of_a_file_under_another_classifier(trained, file):
    own, folder = trained
    kwargs = {**SMALL, "weights": str(folder / file)}
    student = models.build("keras:MobileNet", 7, (48, 48, 3), **kwargs)
    np.testing.assert_array_equal(student(images(48)), np.zeros((2, 7)))
    same = student.get_layer("conv_pw_3").kernel
    np.testing.assert_array_equal(same, own.get_layer("conv_pw_3").kernel)
    handle = f"keras:MobileNet?alpha=0.25&weights={folder / file}"
    started = models.start_from(handle, 7, (48, 48, 3))
    np.testing.assert_array_equal(started.get_layer("conv_pw_3").kernel, same)
    assert started.trainable_variables


def test_weights_of_another_network(trained, tmp_path):
    _, folder = trained
    (tmp_path / "none.weights.h5").write_bytes(b"no weights")
    for path, name in ((folder / "mine.weights.h5", "MobileNetV2?alpha=0.35"),
                       (folder / "whole.h5", "MobileNet?alpha=0.5"),
                       (tmp_path / "none.weights.h5", "MobileNet?alpha=0.25")):  # fmt: skip
        with pytest.raises(ValueError, match=r"weights must be those of keras:MobileNet.*with 5 c"):
            zoo.with_classifier(f"keras:{name}&weights={path}", 5, (32, 32, 3))


def test_a_network_brings_its_own():
    network = models.resnet(8, 0.25, 3, (32, 32, 3))
    with pytest.raises(ValueError, match="brings its own network"):
        models.start_from("keras:MobileNet", 3, (32, 32, 3), network)
