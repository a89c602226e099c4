"""The values that a model expects, read off whatever stands before its first weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from subclassed import subclassed

from keras_kd.models import efficientnet_lite
from keras_kd.models.value_range import UnknownRange, convert, expected_range

L = keras.layers
SHAPE = (8, 8, 3)


def model_of(before, behind=None):
    """A convolutional classifier whose images first go through a function."""
    images = keras.Input(SHAPE)
    x = (behind or L.Conv2D(4, 3))(before(images))
    return keras.Model(images, L.Dense(5)(L.GlobalAveragePooling2D()(x)))


def mode(name):
    return lambda x: keras.applications.imagenet_utils.preprocess_input(x, mode=name)


def torch_like(x):
    return (x / 255.0 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])


def nested(x):
    return keras.Sequential([keras.Input(SHAPE), keras.Sequential([L.Rescaling(1 / 255)])])(x)


PIXELS, UNIT, OURS = (0, 255), (0, 1), (-1, 1)
TOLD = {
    "x / 255": (lambda x: x / 255.0, PIXELS),
    "x * (1 / 255)": (lambda x: x * (1 / 255), PIXELS),
    "x / 256": (lambda x: x / 256.0, PIXELS),
    "x / 127.5 - 1": (lambda x: x / 127.5 - 1.0, PIXELS),
    "(x - 127.5) / 127.5": (lambda x: (x - 127.5) / 127.5, PIXELS),
    "(x - 128) / 128": (lambda x: (x - 128.0) / 128.0, PIXELS),
    "x / 255 - 0.5": (lambda x: x / 255.0 - 0.5, PIXELS),
    "1 - x / 255": (lambda x: 1.0 - x / 255.0, PIXELS),
    "2 x - 1": (lambda x: x * 2.0 - 1.0, UNIT),
    "255 x": (lambda x: 255.0 * x, UNIT),
    "preprocess_input, tf": (mode("tf"), PIXELS),
    "preprocess_input, torch": (mode("torch"), PIXELS),
    "preprocess_input, caffe": (mode("caffe"), PIXELS),
    "mean and deviation of [0, 1]": (lambda x: (x - 0.45) / 0.225, UNIT),
    "x / 255, mean and deviation": (torch_like, PIXELS),
    "(x + 1) / 2": (lambda x: (x + 1.0) / 2.0, OURS),
    "127.5 x + 127.5": (lambda x: x * 127.5 + 127.5, OURS),
    "127.5 x + 127.5, then mean": (lambda x: mode("caffe")(x * 127.5 + 127.5), OURS),
    "nothing": (lambda x: x, None),
    "-x": (lambda x: -x, OURS),
    "padding and a flip of channels": (lambda x: L.ZeroPadding2D(3)(x)[..., ::-1], None),
    "clipped": (lambda x: keras.ops.clip(x, 0.0, 255.0) / 255.0, PIXELS),
    "Lambda": (lambda x: L.Lambda(lambda v: tf.cast(v, tf.float32) / 255.0)(x), PIXELS),
    "Rescaling": (L.Rescaling(1 / 127.5, -1), PIXELS),
    "Rescaling, nested": (nested, PIXELS),
    "Normalization": (L.Normalization(mean=[124, 116, 104], variance=[3400] * 3), PIXELS),
    "Normalization of [0, 1]": (L.Normalization(mean=[0.48] * 3, variance=[0.06] * 3), UNIT),
    "Normalization of [-1, 1]": (L.Normalization(mean=[-0.1] * 3, variance=[0.25] * 3), OURS),
    "Normalization, as it is made": (L.Normalization(mean=[0] * 3, variance=[1] * 3), None),
    "Rescaling and Normalization": (
        lambda x: L.Normalization(mean=[0.48] * 3, variance=[0.06] * 3)(L.Rescaling(1 / 255)(x)),
        PIXELS,
    ),
    "augmented": (lambda x: L.RandomFlip()(L.RandomRotation(0.1)(x)) / 255.0, PIXELS),
    "resized": (lambda x: L.Resizing(16, 16)(x) / 255.0, PIXELS),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_it_becomes_tells_what_it_was(name):
    before, expected = TOLD[name]
    assert expected_range(model_of(before)) == expected


def standardised(x):
    return (x - keras.ops.mean(x, (1, 2, 3), keepdims=True)) / 2


UNKNOWN = {
    "2 x": lambda x: x * 2.0,  # of [0, 1] or of [-1, 1]
    "x - 0.45": lambda x: x - 0.45,
    "a root": keras.ops.sqrt,
    "an image's own mean": standardised,
    "odd": lambda x: x * 40.0 + 3.0,
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_tells_nothing_certain_is_asked_for(name):
    with pytest.raises(UnknownRange, match="makes a usual range of none"):
        expected_range(model_of(UNKNOWN[name]))


@keras.saving.register_keras_serializable(package="tests")
class Own(L.Layer):
    """Convolves, and before that may do anything."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(1, 1, shape[-1], 4))

    def call(self, x):
        return keras.ops.conv(x / 255.0, self.kernel)


class Wider(L.Conv2D):
    """A convolution of a kind of its own."""


def test_a_layer_of_somebody_elses_is_asked_about_unless_it_is_known_before():
    with pytest.raises(UnknownRange, match=r"'mine' of type Own, does not show"):
        expected_range(model_of(lambda x: x, Own(name="mine")))
    assert expected_range(model_of(lambda x: x / 127.5 - 1.0, Own())) == PIXELS
    assert expected_range(model_of(lambda x: x, Wider(4, 3))) is None
    images = keras.Input((8, 8, 3))
    with pytest.raises(UnknownRange, match="of type Subclassed"):
        expected_range(keras.Model(images, subclassed(3)(images)))


def test_branches_agree_or_are_asked_about():
    def both(one, other):
        images = keras.Input(SHAPE)
        a, b = L.Conv2D(4, 3)(one(images)), L.Conv2D(4, 3)(other(images))
        return keras.Model(images, L.Dense(3)(L.Flatten()(a + b)))

    same = lambda x: x / 255.0  # noqa: E731
    assert expected_range(both(same, lambda x: x / 127.5 - 1.0)) == PIXELS
    assert expected_range(both(same, lambda x: x)) == PIXELS
    with pytest.raises(UnknownRange, match="branches expect several"):
        expected_range(both(same, lambda x: x * 2.0 - 1.0))


def test_whole_numbers_are_pixels():
    images = keras.Input(SHAPE, dtype="uint8")
    x = L.Flatten()(keras.ops.cast(images, "float32"))
    assert expected_range(keras.Model(images, L.Dense(3)(x))) == PIXELS


def test_a_batch_norm_in_front_tells_what_only_pixels_can_be():
    model = model_of(lambda x: x, L.BatchNormalization(name="norm"))
    assert expected_range(model) is None
    model.get_layer("norm").moving_mean.assign([120.0] * 3)
    assert expected_range(model) == PIXELS


def test_real_networks():
    assert expected_range(efficientnet_lite(0, 2, (32, 32, 3))) == (-1, 1)
    theirs = keras.applications.MobileNetV3Small((32, 32, 3), weights=None, alpha=0.35)
    assert expected_range(theirs) == PIXELS


def test_behind_a_kernel_nothing_is_told():
    x = keras.Input(SHAPE)
    model = keras.Model(x, L.Dense(2)(L.Flatten()(L.Rescaling(1 / 255)(L.Conv2D(3, 1)(x)))))
    assert expected_range(model) is None


@pytest.mark.parametrize("target", [(0, 255), (0, 1), (-1, 1), (-2, 6)])
def test_both_ends_of_the_range_are_converted(target):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, convert(inputs, target, "to_range"))
    low, high = target
    expected = [[low, (low + high) / 2, high]]
    np.testing.assert_allclose(model(np.array([[-1.0, 0.0, 1.0]])), expected, rtol=1e-6, atol=1e-6)
    assert model.layers[-1].name == "to_range"
