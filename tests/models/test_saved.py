"""Saved models: opened or refused in one sentence, and the pixel values that they expect."""

import json

import keras
import numpy as np
import pytest

from keras_kd.models import efficientnet_lite, saved
from keras_kd.models.saved import expected_range


def small():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, keras.layers.Dense(4)(x))


def test_range_of_real_networks():
    assert expected_range(small()) is None
    assert expected_range(efficientnet_lite(0, 2, (32, 32, 3))) == (-1, 1)
    theirs = keras.applications.MobileNetV3Small((32, 32, 3), weights=None, alpha=0.35)
    assert expected_range(theirs) == (0, 255)


@pytest.mark.parametrize("target", [(0, 255), (0, 1), (-1, 1), (-2, 6)])
def test_both_ends_of_the_range_are_converted(target):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, saved.convert(inputs, target, "to_range"))
    low, high = target
    expected = [[low, (low + high) / 2, high]]
    np.testing.assert_allclose(model(np.array([[-1.0, 0.0, 1.0]])), expected, rtol=1e-6, atol=1e-6)
    assert model.layers[-1].name == "to_range"


def test_a_nested_model_tells_its_range_but_not_behind_a_kernel():
    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255)])
    inputs = keras.Input((8, 8, 3))
    assert expected_range(keras.Model(inputs, inner(inputs))) == (0, 255)
    x = keras.layers.Conv2D(3, 1)(inputs)
    assert expected_range(keras.Model(inputs, keras.layers.Rescaling(1 / 255)(x))) is None


def test_a_range_is_recorded_beside_a_model(tmp_path):
    assert saved.recorded_range(tmp_path) is None
    path = tmp_path / "assets.extra" / "keras_kd.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"input_range": [0, 255]}))
    assert saved.recorded_range(tmp_path) == (0.0, 255.0)
    for broken in ("{", "[]", "{}", '{"input_range": [1, 0]}', '{"input_range": 3}'):
        path.write_text(broken)
        with pytest.raises(ValueError, match=r"must hold .*Repair it, or pass input_range"):
            saved.recorded_range(tmp_path)


def test_what_is_no_archive_is_refused(tmp_path):
    small().save(tmp_path / "a.keras")
    opened = saved.open_keras(tmp_path / "a.keras")
    assert not opened.compiled and opened.output_shape == (None, 4)
    whole = (tmp_path / "a.keras").read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"whole Keras 3 archive .*cut\.keras', which is not one"):
        saved.open_keras(tmp_path / "cut.keras")


def test_layers_that_are_not_registered_are_refused(tmp_path):
    class Own(keras.layers.Layer):
        def call(self, x):
            return x

    inputs = keras.Input((3,))
    keras.Model(inputs, Own()(inputs)).save(tmp_path / "own.keras")
    with pytest.raises(ValueError, match=r"own\.keras', which fails: .*Import the package that"):
        saved.open_keras(tmp_path / "own.keras")
