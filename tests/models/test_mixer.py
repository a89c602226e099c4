"""MLP-Mixer: published sizes, a NumPy forward, its taps, and what cannot be."""

import keras
import numpy as np
import pytest
from token_networks import Forward, images, tiny

from keras_kd import models
from keras_kd.models.flops import size_without_weights
from keras_kd.models.taps import tapped


@pytest.mark.parametrize(("variant", "count"), [("S", 18_528_264), ("B", 59_880_472)])
def test_published_parameter_counts(variant, count):
    # Of 16-pixel patches at 224 px and 1,000 classes.
    assert size_without_weights(lambda: models.mixer(variant)).parameters == count


@pytest.mark.parametrize("approximate", [True, False])
def test_it_is_the_paper_s_network(approximate):
    model = tiny("mixer", approximate=approximate)
    logits = Forward(model, approximate).mixer(images())
    np.testing.assert_allclose(model(images()), logits, rtol=1e-5, atol=1e-5)
    assert np.std(logits) > 0.1


def test_taps_and_files(tmp_path):
    model = tiny("mixer")
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    found = tapped(again, ["block2", "block2_map"])(images())
    np.testing.assert_array_equal(found["logits"], model(images()))
    np.testing.assert_array_equal(found["block2_map"], np.reshape(found["block2"], (2, 2, 3, 12)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch": 8}, r"patch must divide.*Received: patch=8, input_shape=\(8, 12, 3\)"),
        ({"token_width": 0}, "token_width must be a whole number of at least 1"),
        ({"variant": "Ti"}, "variant must be one of .*Received: variant='Ti'"),
    ],
)
def test_what_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        tiny("mixer", **options)
