"""Saved models: opened or refused in one sentence, and the pixel values recorded beside them."""

import json
import zipfile

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


def test_a_package_that_is_not_there_is_named(tmp_path):
    """Such as keras_hub: Keras finds classes by their modules."""
    small().save(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(content["config.json"])
    config |= {"module": "keras_hub.nowhere", "class_name": "Own", "registered_name": "Own"}
    content["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "b.keras", "w") as archive:
        for name, value in content.items():
            archive.writestr(name, value)
    with pytest.raises(ValueError, match=r"Install the package .*: keras_hub, or load") as e:
        saved.open_keras(tmp_path / "b.keras")
    assert len(str(e.value)) < 800
