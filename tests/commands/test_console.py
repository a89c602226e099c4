"""What the commands share: where TensorFlow's notes go, and what a read-only directory tells."""

import errno
import os

import pytest

from keras_kd.commands import console


@pytest.mark.parametrize("failing", ["builtins.open", "pathlib.Path.mkdir"])
def test_a_workdir_that_cannot_be_written_tells_what_to_do(tmp_path, monkeypatch, failing):
    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(failing, refuse)
    advice = r"--workdir must be writable \(Read-only .*workdir=.*run\. .*give another --workdir"
    with pytest.raises(OSError, match=advice) as raised:
        console.set_native_notes_aside(tmp_path / "run")
    assert raised.value.errno == errno.EROFS
