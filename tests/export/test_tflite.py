"""What all TFLite files share: the facts, a file that is whole, and formats by name."""

import numpy as np
import pytest

from keras_kd.export import formats, to_tflite
from keras_kd.export.format import Format

LITE = [name for name, one in formats.found().items() if one.file_name.endswith(".tflite")]


@pytest.mark.parametrize("name", LITE)
def test_facts_tell_format_and_bytes(exported, name):
    path, facts = exported(name)
    assert facts["format"] == name and facts["bytes"] == path.stat().st_size
    assert facts["fallback"] is None and facts["float_tensors"] == []
    assert path.name == f"student_{name}.tflite"


def test_another_ending_is_no_matter(tmp_path, exported):
    path = tmp_path / "model.bin"
    path.write_bytes(exported(LITE[0])[0].read_bytes())
    assert formats.of_path(path).open(path)(np.zeros((1, 12, 12, 3))).shape == (1, 3)


def test_mistakes_are_named(tmp_path, batch_norm_net):
    path = tmp_path / "f.tflite"
    with pytest.raises(ValueError, match=r"Received: format='flaot32'. Did you mean 'float32'\?"):
        to_tflite(batch_norm_net, path, "flaot32")
    assert not path.exists()


def test_only_tflite_formats_are_taken(tmp_path, batch_norm_net, monkeypatch):
    known = {**{name: formats.get(name) for name in LITE}, "other": Format()}
    monkeypatch.setattr(formats, "found", lambda: known)
    with pytest.raises(ValueError, match=rf"one of {', '.join(LITE)}. Received: format='other'"):
        to_tflite(batch_norm_net, tmp_path / "f", "other")


def test_a_full_disk_leaves_the_previous_file(tmp_path, monkeypatch):
    from keras_kd.utils import files

    path = tmp_path / "f.tflite"
    path.write_bytes(b"old")

    def full_disk(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        formats.get(LITE[0]).store(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
