"""Kinds of handles: every one is found by itself, and each handle has one owner."""

import pytest

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
