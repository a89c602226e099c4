"""What becomes of a model before it teaches: checked, converted, or refused."""

import keras
import numpy as np
import pytest
from teacher_models import images, saved, small

from keras_kd.models.saved import expected_range
from keras_kd.teachers import load


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
