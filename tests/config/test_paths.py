"""Paths in a config become absolute where they exist, and nothing else does."""

import pytest

from keras_kd.config import absolute, base


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("data_dir", "there", "{0}/there"),
        ("data_dir", "nowhere", "nowhere"),
        ("source", "digits", "digits"),
        ("source", "tfds:there", "tfds:there"),
        ("source", "folder:there", "folder:{0}/there"),
        ("source", "tfrecord:there/a-*", "tfrecord:{0}/there/a-*"),
        ("source", "tfrecord:nowhere/a-*", "tfrecord:nowhere/a-*"),
        ("eval_source", "", ""),
    ],
)
def test_data(tmp_path, monkeypatch, name, value, expected):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    config = base()
    config.data[name] = value
    assert absolute(config).data[name] == expected.format(tmp_path)
    assert config.data[name] == value  # it is a copy


def test_weights_teachers_and_targets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").touch()
    config = base()
    config.student.init = config.teacher.handle = config.teacher_cache = "there"
    config.fixed_targets = "nowhere"
    config.distil.teachers = ("teacher", "there@64", "bit:R50x1-M")
    found = absolute(config)
    full = str(tmp_path / "there")
    assert found.student.init == found.teacher.handle == found.teacher_cache == full
    assert found.fixed_targets == "nowhere"
    config.student.model = {
        "name": "keras:VGG16?weights=there",
        "kwargs": {"weights": "there", "of": "there"},
    }
    config.teacher.handle = "onnx:there@64"
    config.teacher.model.name = "there"  # a builder's, whatever lies about
    found = absolute(config)
    assert found.student.model.name == f"keras:VGG16?weights={full}"
    assert found.student.model.kwargs.weights == found.student.model.kwargs.of == full
    assert found.teacher.handle == f"onnx:{full}@64" and found.teacher.model.name == "there"
    assert found.distil.teachers == ("teacher", f"{full}@64", "bit:R50x1-M")
