"""Saved models: opened or refused in one sentence, and the pixel values recorded beside them."""

import json

import keras
import pytest

from keras_kd.models import saved


def small():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, keras.layers.Dense(4)(x))


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
