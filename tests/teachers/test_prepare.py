"""What becomes of a model before it teaches: checked, converted, or refused."""

import keras
import numpy as np
import pytest
from teacher_models import images, saved, small

from keras_kd.teachers import load


def test_a_normalization_stands_in_front_of_any_kind_of_model(tmp_path):
    """The closed form, in float64: a channel's pixel in [0, 1], less its mean, by its deviation."""
    means, deviations = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # torchvision's
    values = ((images().astype("float64") + 1) / 2 - means) / deviations
    for normalization in ("imagenet", (means, deviations)):
        teacher = load(saved(tmp_path / "m"), 3, (8, 8, 3), normalization=normalization)
        np.testing.assert_allclose(teacher(images()), 2 * values.mean((1, 2)), atol=1e-5)
    model = small()
    teacher = load(model, 4, (8, 8, 3), normalization="imagenet")
    np.testing.assert_allclose(teacher(images()), model(values), atol=1e-5)
    scaled = small(keras.layers.Rescaling(1 / 255))  # whatever its layers show
    teacher = load(scaled, 4, normalization=((0.5,) * 3, (0.5,) * 3))
    np.testing.assert_allclose(teacher(images()), scaled(images()), atol=1e-6)


def test_answers_that_are_not_finite(tmp_path):
    with pytest.raises(ValueError, match="24 values that are not finite"):
        load(saved(tmp_path / "n", "nan"), 3, (8, 8, 3), (-1, 1))


def test_output_of_another_rank_and_two_inputs():
    inputs = keras.Input((8, 8, 3))
    with pytest.raises(ValueError, match=r"(?s)one output.*\(None, 8, 8, 3\)"):
        load(keras.Model(inputs, keras.layers.ReLU()(inputs)))
    other = keras.Input((8, 8, 3))
    both = keras.layers.Flatten()(inputs + other)
    with pytest.raises(ValueError, match="one batch of images"):
        load(keras.Model([inputs, other], both))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (keras.layers.Rescaling(1 / 255), (0, 255)),
        (keras.layers.Rescaling(2.0, -1), (0, 1)),
        (keras.layers.Rescaling(0.5, 0.5), (-1, 1)),
    ],
)
def test_images_are_brought_to_the_range_that_the_model_shows(layer, expected):
    model = small(layer)
    low, high = expected
    pixels = (images() + 1) / 2 * (high - low) + low
    for given in (None, expected):
        teacher = load(model, 4, input_range=given)
        np.testing.assert_allclose(teacher(images()), model(pixels), rtol=1e-3, atol=1e-4)
        assert (teacher is model) == (expected == (-1, 1))


def test_whole_numbers_are_rounded():
    inputs = keras.Input((8, 8, 3), dtype="uint8")
    x = keras.ops.cast(inputs, "float32")
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype("uint8")
    teacher = load(model, 2)
    ours = (pixels / 127.5 - 1).astype("float32")
    np.testing.assert_allclose(teacher(ours), model(pixels), rtol=1e-4, atol=1e-3)


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
    with pytest.raises(ValueError, match=r"type Own, does not show.*Pass input_range=\(0, 255\)"):
        load(own, 4, (8, 8, 3))
    teacher = load(own, 4, (8, 8, 3), input_range=(-1, 1))
    np.testing.assert_allclose(teacher(images()), own(images()), atol=1e-6)
