"""The steps of TensorFlow's quantiser, which are its own: these tests tell when they change."""

import functools

import keras
import numpy as np
import pytest

from keras_kd.export import conversion, lite_file, quantizer
from keras_kd.export.integers import Integers
from keras_kd.models.layers import GroupNorm


def measured(model, images):
    set_up = functools.partial(Integers().set_up, images=images)
    return quantizer.with_input_range(conversion.convert_or_fail(model, None, set_up))


@pytest.fixture(scope="module")
def group_norm():
    """(a network with group norm, its file with measured ranges, images)."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(8, 3, padding="same", name="first")(image)
    x = keras.layers.ReLU()(GroupNorm(4, name="norm")(x))
    x = keras.layers.Conv2D(8, 3, padding="same", name="second")(x) + x
    x = keras.layers.Dense(3, name="logits")(keras.layers.GlobalAveragePooling2D()(x))
    images = np.random.default_rng(0).uniform(-0.9, 0.6, (16, 8, 8, 3)).astype(np.float32)
    # Contrasts from strong to faint, as photographs have: what eight bits of a variance miss.
    images *= np.geomspace(0.01, 1, 16)[:, None, None, None].astype(np.float32)
    model = keras.Model(image, x)
    return model, measured(model, images), images


@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_the_input_spans_the_whole_range(group_norm, io):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=quantizer.quantised(group_norm[1], io))
    (given,) = interpreter.get_input_details()
    scale, zero = given["quantization"]
    limits = np.iinfo(given["dtype"])
    assert given["dtype"].__name__ == io and scale == pytest.approx(2 / 255)
    assert (limits.min - zero) * scale == pytest.approx(-1, abs=scale)
    assert (limits.max - zero) * scale == pytest.approx(1, abs=scale)


def test_norms_are_found_by_what_they_divide_by(group_norm, batch_norm_net, images):
    assert quantizer.has_norms(group_norm[1])
    assert not quantizer.has_norms(measured(batch_norm_net, images))


def test_named_operators_stay_in_float(group_norm):
    everything = conversion.float_tensors(quantizer.quantised(group_norm[1]))
    kept = quantizer.quantised(group_norm[1], floats=quantizer.NORM)
    assert everything == [] and any("norm" in name for name in conversion.float_tensors(kept))
    assert {"QUANTIZE", "DEQUANTIZE"} <= lite_file.operators(kept).keys()


def test_layers_in_float_lose_nothing_and_norms_in_integers_most(group_norm):
    _, content, images = group_norm
    errors = quantizer.layer_errors(content, images)
    assert min(errors.values()) >= 0
    worst = max(errors, key=errors.get)
    assert "norm" in worst and 10 < errors[worst] <= 255
    kept = quantizer.layer_errors(content, images, quantizer.NORM)
    # What is left are convolutions and the dense layer: a rounding, and that of their weights.
    assert kept and max(kept.values()) < errors[worst] / 2
