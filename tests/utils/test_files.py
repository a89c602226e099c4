"""Files: whole or not there, with other writers, killed ones, and disks that fail."""

import errno
import os
import subprocess
import sys

import pytest

from keras_kd.utils import files
from keras_kd.utils.files import write_atomically


def test_a_read_only_disk_tells_what_to_do(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(files.Path, "unlink", refuse)
    with pytest.raises(OSError, match=r"Could not write .*Read-only.*choose another --workdir"):
        write_atomically(tmp_path / "file", lambda file: None)


def test_two_processes_write_apart_and_remains_of_dead_ones_go(tmp_path, monkeypatch):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    def remains(owner):
        """The temporary file of a process that was stopped while it wrote."""
        monkeypatch.setattr(files.os, "getpid", lambda: owner)
        monkeypatch.setattr(files.os, "replace", lambda temporary, _: names.append(temporary.name))
        names = []
        files.write_atomically(tmp_path / "file", lambda file: None)
        monkeypatch.undo()
        (tmp_path / names[0]).write_bytes(b"half")
        return names[0]

    alive, dead = remains(os.getppid()), remains(gone.pid)
    monkeypatch.setattr(files, "process_space", lambda: "another container")
    other = remains(gone.pid)
    monkeypatch.undo()
    elsewhere, old = ".file.unknown-1-00000000.tmp", ".old.unknown-1-00000000.tmp"
    for name in (elsewhere, old):
        (tmp_path / name).write_bytes(b"half")
    os.utime(tmp_path / old, (0, 0))
    write_atomically(tmp_path / "file", lambda file: file.write(b"whole"))
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert {path.name for path in tmp_path.iterdir()} == {"file", alive, other, elsewhere}
    assert dead != other


def test_a_file_that_is_there_may_stay(tmp_path, monkeypatch):
    def refuse(*args):
        raise OSError(errno.EPERM, "no links here")

    files.write_atomically(tmp_path / "file", lambda file: file.write(b"first"))
    files.write_atomically(tmp_path / "file", lambda file: file.write(b"second"), replace=False)
    assert (tmp_path / "file").read_bytes() == b"first"
    monkeypatch.setattr(files.os, "link", refuse)
    files.write_atomically(tmp_path / "new", lambda file: file.write(b"whole"), replace=False)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "new"}


def test_a_real_full_device_is_reported(tmp_path):
    """/dev/full fails every write as a full disk does, where the system has it."""
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def write(_):
        with open("/dev/full", "wb") as device:
            device.write(b"x" * 100_000)

    try:
        open("/dev/full", "rb").close()
    except OSError:
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError, match="No space left"):
        write_atomically(target, write)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_who_is_gone(monkeypatch):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert files.is_gone(gone.pid) and files.is_gone(10**30)  # no system numbers so high
    assert not files.is_gone(os.getpid())

    def of_another_user(pid, signal):
        raise PermissionError

    monkeypatch.setattr(os, "kill", of_another_user)
    assert not files.is_gone(1)
