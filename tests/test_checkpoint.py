"""Checkpoints: whole or not at all, newest first, and only of the model they were made for."""

import errno

import keras
import numpy as np
import pytest

from keras_kd import checkpoint
from keras_kd.checkpoint import Checkpoints, write_atomically


def variables(fill=0.0, shape=(2, 3)):
    return [
        keras.Variable(np.full(shape, fill, "float32"), name="kernel"),
        keras.Variable(int(fill), dtype="int64", trainable=False, name="count"),
        keras.Variable(np.full(3, fill), dtype="bfloat16", name="moment"),
    ]


def contents(of):
    return [np.asarray(v.numpy(), "float64").ravel()[0] for v in of]


def test_saves_restores_and_keeps_the_newest(tmp_path):
    saved = Checkpoints(tmp_path, keep=2)
    assert saved.restore(variables()) == (0, {})
    for step in (10, 20, 30):
        saved.save(step, variables(step), {"note": step})
    assert saved.steps() == [20, 30]
    target = variables()
    assert saved.restore(target) == (30, {"note": 30})
    assert contents(target) == [30.0, 30.0, 30.0]
    assert [str(v.dtype) for v in target] == ["float32", "int64", "bfloat16"]


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_newest_one_is_passed_over(tmp_path, damage):
    saved = Checkpoints(tmp_path)
    for step in (10, 20):
        saved.save(step, variables(step))
    whole = saved.path(20).read_bytes()
    middle = whole.index(np.full(6, 20, "float32").tobytes())
    damaged = {
        "cut": whole[: len(whole) // 2],
        "flip": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
        "empty": b"",
    }[damage]
    saved.path(20).write_bytes(damaged)
    target = variables()
    with pytest.warns(UserWarning, match="is damaged"):
        assert saved.restore(target)[0] == 10
    assert contents(target) == [10.0, 10.0, 10.0]


def test_another_model_is_refused(tmp_path):
    saved = Checkpoints(tmp_path)
    saved.save(10, variables(1))
    with pytest.raises(ValueError, match="of another model"):
        saved.restore(variables(shape=(2, 4)))
    with pytest.raises(ValueError, match="3 variables instead of 2"):
        saved.restore(variables()[:2])


def test_a_full_disk_keeps_what_was_there(tmp_path, monkeypatch):
    saved = Checkpoints(tmp_path)
    saved.save(10, variables(10))

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left.*what was there before is kept"):
        saved.save(20, variables(20))
    assert [path.name for path in tmp_path.iterdir()] == ["step_00000010.npz"]
    assert saved.restore(variables())[0] == 10


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
