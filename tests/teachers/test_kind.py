"""Kinds of handles: every one is found by itself, and each handle has one owner."""

import keras
import pytest
import tflite_files

from keras_kd import teachers
from keras_kd.models import start_from
from keras_kd.teachers import kinds
from keras_kd.teachers.kind import Kind


def test_every_file_of_the_folder_is_a_kind():
    names = {kind.__module__.rpartition(".")[2] for kind in map(type, kinds.KINDS)}
    assert names >= {"bit", "hub", "keras_file", "saved_model"}
    assert all(kind.words in kinds.WORDS for kind in kinds.KINDS)


@pytest.mark.parametrize(
    ("handle", "owner"),
    [
        ("bit:R50x1-M", "bit"),
        ("hub:anything", "hub"),
        ("https://tfhub.dev/x/y/1", "hub"),
        ("https://www.kaggle.com/models/x", "hub"),
        ("model.keras", "keras_file"),
        ("folder", "saved_model"),
        ("weights.npz", "keras_file"),
        ("nowhere.keras", None),
        ("https://example.com/x", None),
    ],
)
def test_owners(handle, owner, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("model.keras", "weights.npz"):
        (tmp_path / name).touch()
    kind = kinds.find(handle)
    assert owner == (kind and type(kind).__module__.rpartition(".")[2])


def test_what_lies_there_is_not_built_anew(tmp_path):
    (tmp_path / "a.keras").touch()
    for text in ("", str(tmp_path / "a.keras"), str(tmp_path / "none.keras"), "hub:x"):
        assert kinds.builder(text) is None


def test_a_kind_must_say_what_is_its_own():
    with pytest.raises(NotImplementedError):
        Kind().owns("a")
    with pytest.raises(NotImplementedError):
        Kind().open("a", None)


def test_the_advice_to_fine_tune_fits_the_kind(tmp_path):
    """What Keras cannot train learns where it came from; the rest starts a network here."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(5)(x))
    model.save(tmp_path / "five.keras")
    model.export(str(tmp_path / "five"), verbose=False)
    tflite_files.write(tmp_path / "five.tflite", model)
    for name in ("five.keras", "five", "five.tflite"):
        handle = str(tmp_path / name)
        with pytest.raises(ValueError, match=r"5 outputs from .*If they are features") as refused:
            teachers.load(handle, 7, (8, 8, 3), input_range=(-1, 1))
        elsewhere = "fine-tune it on them where it was trained" in str(refused.value)
        assert elsewhere is name.endswith("tflite")
        if elsewhere:
            with pytest.raises(ValueError, match="whole Keras 3 archive"):
                start_from(handle, 7, (8, 8, 3), input_range=(-1, 1))
            continue
        assert "init in the place of handle, with an empty model.name" in str(refused.value)
        started = start_from(handle, 7, (8, 8, 3), input_range=(-1, 1))
        assert started.output_shape == (None, 7) and len(started.trainable_variables) >= 4
