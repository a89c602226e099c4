"""Which Keras wrote a file, told by the file."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_kd.models.keras_versions import written


def model():
    inputs = keras.Input((4, 4, 3))
    return keras.Model(inputs, keras.layers.Flatten()(inputs))


@pytest.mark.parametrize("name", ["a.keras", "a.h5"])
def test_files_of_this_keras(tmp_path, name):
    model().save(tmp_path / name)
    found = written(tmp_path / name)
    assert found.format == name.partition(".")[2] and found.version == keras.__version__
    assert not found.is_old and "Flatten" in found.config


def test_files_of_older_ones(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
    assert written(tmp_path / "two.keras") == ("keras", "2.15.0", "{}")
    for version in ("2.2.4", b"1.2.2", None):
        with h5py.File(tmp_path / "old.h5", "w") as file:
            file.attrs["model_config"] = "{}"
            if version:
                file.attrs["keras_version"] = version
        assert written(tmp_path / "old.h5").is_old
    assert written(tmp_path / "two.keras").is_old


def test_what_is_no_model(tmp_path):
    model().save_weights(tmp_path / "a.weights.h5")
    assert written(tmp_path / "a.weights.h5") == ("h5", "", "")
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    assert (
        written(tmp_path / "a.npz") == ("keras", "", "") and not written(tmp_path / "a.npz").is_old
    )
    model().save(tmp_path / "a.h5")
    content = (tmp_path / "a.h5").read_bytes()
    for kept in (len(content) // 2, 8, 0):
        (tmp_path / "cut.h5").write_bytes(content[:kept])
        assert written(tmp_path / "cut.h5").format == ""
