"""Handles of several teachers: taken apart, made absolute, refused."""

import os

import pytest

from keras_kd.utils import handles


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bit:R50x1-M", [("bit:R50x1-M", None)]),
        ("bit:A@224,bit:B", [("bit:A", 224), ("bit:B", None)]),
        (" a.keras , b.keras@96 ", [("a.keras", None), ("b.keras", 96)]),
        ("https://tfhub.dev/x/y/4", [("https://tfhub.dev/x/y/4", None)]),
        ("me@home/teacher.keras", [("me@home/teacher.keras", None)]),
    ],
)
def test_members(text, expected):
    assert handles.members(text) == expected


@pytest.mark.parametrize("text", ["a,,b", ",", "@224", "a@0", "a,b,"])
def test_bad_handles(text):
    with pytest.raises(ValueError, match="Received: handle="):
        handles.members(text)


def test_a_path_that_exists_is_one_teacher(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a,b@8", "c"):
        (tmp_path / name).touch()
    assert handles.members("a,b@8") == [("a,b@8", None)]
    assert handles.absolute("a,b@8") == os.path.abspath("a,b@8")
    assert handles.absolute("c@8,bit:X") == f"{os.path.abspath('c')}@8,bit:X"
    assert handles.absolute("") == ""


def test_paths_behind_schemes_and_in_options_are_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.onnx", "b.tflite", "w.h5"):
        (tmp_path / name).touch()
    for folder in ("module", "R50x1-M", "imagenet"):
        (tmp_path / folder).mkdir()
    found = handles.absolute("onnx:a.onnx,tflite:b.tflite@96,hub:module,onnx:none.onnx,bit:R50x1-M")
    here = str(tmp_path)
    assert found == (
        f"onnx:{here}/a.onnx,tflite:{here}/b.tflite@96,hub:{here}/module,onnx:none.onnx,bit:R50x1-M"
    )
    found = handles.absolute("keras:ResNet50?weights=w.h5&alpha=1,keras:VGG16?weights=imagenet")
    assert found == f"keras:ResNet50?weights={here}/w.h5&alpha=1,keras:VGG16?weights=imagenet"
    assert handles.absolute("https://tfhub.dev/x?tf-hub-format=a") == (
        "https://tfhub.dev/x?tf-hub-format=a"
    )
