"""Checkpoints: whole or not at all, newest first, and only of the model they were made for."""

import errno
import json
import os
import warnings

import keras
import numpy as np
import pytest

from keras_kd.training import checkpoints as checkpoint
from keras_kd.training.checkpoints import Checkpoints, Snapshot, all_finite
from keras_kd.utils import files


def variables(fill=0.0, shape=(2, 3)):
    return {
        "network/kernel": keras.Variable(np.full(shape, fill, "float32")),
        "network/count": keras.Variable(int(fill), dtype="int64", trainable=False),
        "optimizer/moment": keras.Variable(np.full(3, fill), dtype="bfloat16"),
    }


def without(name, of):
    return {key: variable for key, variable in of.items() if key != name}


def contents(of):
    return [np.asarray(v.numpy(), "float64").ravel()[0] for v in of.values()]


def save(saved, *steps):
    for step in steps:
        saved.save(Snapshot(step, variables(step), meta={"note": step}))


def test_saves_restores_and_keeps_the_newest(tmp_path):
    saved = Checkpoints(tmp_path, keep=2)
    assert saved.restore(variables()) == (0, {})
    save(saved, 10, 20, 30)
    assert saved.steps() == [20, 30]
    target = variables()
    assert saved.restore(target) == (30, {"note": 30})
    assert contents(target) == [30.0, 30.0, 30.0]
    assert [str(v.dtype) for v in target.values()] == ["float32", "int64", "bfloat16"]


def test_the_best_outlives_the_newest(tmp_path):
    saved = Checkpoints(tmp_path, keep=1)
    save(saved, 10)
    saved.keep_best(10)
    save(saved, 20, 30)
    assert saved.steps() == [30]
    with np.load(saved.best) as best:
        np.testing.assert_array_equal(best["network/kernel"], np.full((2, 3), 10.0))


def test_those_of_chosen_steps_are_never_deleted(tmp_path):
    saved = Checkpoints(tmp_path, keep=1)
    save(saved, 10)
    saved.keep_best(10)
    save(saved, 20)
    saved.keep_for_good(20)
    save(saved, 30, 40)
    saved.keep_for_good(40)
    assert (saved.steps(), saved.kept.steps()) == ([40], [20, 40])
    assert saved.files() == {10: saved.best, 20: saved.kept.path(20), 40: saved.kept.path(40)}
    target = variables()
    for step, path in saved.files().items():
        weights = without("optimizer/moment", target)
        checkpoint.read_weights(path, weights)
        assert contents(weights) == [step] * 2
    with pytest.raises(ValueError, match="holds besides network/kernel"):
        checkpoint.read_weights(saved.best, without("network/kernel", target))
    # A run whose newest one is damaged goes on from the newest that is whole.
    saved.path(40).write_bytes(b"")
    saved.kept.path(40).write_bytes(b"")
    with pytest.warns(UserWarning, match="is damaged"):
        assert saved.restore(target)[0] == 20
    with pytest.raises(ValueError, match=r"damaged.*Leave out its step"):
        checkpoint.read_weights(saved.path(40), target)


def test_metrics_of_a_started_interval_come_back(tmp_path):
    metric, target = keras.metrics.Mean(), keras.metrics.Mean()
    metric.update_state([0.1, 0.7])
    saved = Checkpoints(tmp_path)
    saved.save(Snapshot(10, variables(), metric.variables))
    saved.restore(variables(), target.variables)
    assert [v.numpy() for v in target.variables] == [v.numpy() for v in metric.variables]


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_newest_one_is_passed_over(tmp_path, damage):
    saved = Checkpoints(tmp_path)
    save(saved, 10, 20)
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


@pytest.mark.parametrize("bits", [255, 1])
def test_any_one_damaged_byte_is_found_or_changes_nothing(tmp_path, bits):
    saved = Checkpoints(tmp_path)
    save(saved, 10, 20)
    whole = saved.path(20).read_bytes()
    found, target = 0, variables()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place in range(len(whole)):
            broken = bytearray(whole)
            broken[place] ^= bits
            saved.path(20).write_bytes(broken)
            step, meta = saved.restore(target)
            assert (step, meta) in [(10, {"note": 10}), (20, {"note": 20})]
            assert contents(target) == [step] * 3
            found += step == 10
    # What is left are times and other fields of the zip directory that hold no content.
    assert found > len(whole) / 2


def test_damaged_newer_ones_do_not_crowd_out_what_is_made_again(tmp_path):
    saved = Checkpoints(tmp_path, keep=1)
    save(saved, 30)
    saved.path(30).write_bytes(b"")
    save(saved, 20)  # a run that went on from before
    assert saved.steps() == [20]
    assert saved.restore(variables())[0] == 20


def test_all_damaged_falls_back_to_the_best_and_then_says_what_to_do(tmp_path):
    saved = Checkpoints(tmp_path)
    save(saved, 10)
    saved.keep_best(10)
    save(saved, 20, 30)
    for step in (20, 30):
        saved.path(step).write_bytes(b"")
    with pytest.warns(UserWarning, match="is damaged"):
        assert saved.restore(variables())[0] == 10
    saved.best.write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="is damaged"),
        pytest.raises(ValueError, match=r"Every checkpoint in .* is damaged. Delete this folder"),
    ):
        saved.restore(variables())


def test_another_model_is_refused(tmp_path):
    saved = Checkpoints(tmp_path)
    save(saved, 10)
    with pytest.raises(ValueError, match="of another model"):
        saved.restore(variables(shape=(2, 4)))
    with pytest.raises(
        ValueError, match=r"network/kernel of shape \(2, 3\).*instead of \(\(2, 4\)"
    ):
        saved.restore(variables(shape=(2, 4)))
    with pytest.raises(ValueError, match="it holds besides optimizer/moment"):
        saved.restore(without("optimizer/moment", variables()))
    others = {f"network/{name}": variables()["network/kernel"] for name in "abcde"}
    with pytest.raises(ValueError, match=r"lacks network/a, network/b, network/c and 2 more"):
        saved.restore(variables() | others)


def test_one_of_numbered_variables_is_refused_with_what_to_do(tmp_path):
    """Version 0.1.0 wrote its variables by number."""
    described = {"step": 10, "variables": [["kernel", [2], "float32"]], "running": [], "meta": {}}
    arrays = {"00000": np.zeros(2, "float32")}
    arrays[checkpoint.META] = np.frombuffer(json.dumps(described).encode(), np.uint8)
    arrays[checkpoint.DIGEST] = checkpoint._digest(arrays)
    saved = Checkpoints(tmp_path)
    with open(saved.path(10), "wb") as file:
        np.savez(file, **arrays)
    with pytest.raises(ValueError, match=r"older keras-kd.*start anew in another --workdir\.$"):
        saved.restore(variables())
    saved.keep_best(10)
    with pytest.raises(ValueError, match="older keras-kd"):
        checkpoint.read_weights(saved.best, variables())


def test_values_go_where_their_names_are(tmp_path):
    saved = Checkpoints(tmp_path)
    save(saved, 10)
    target = dict(reversed(variables().items()))
    saved.restore(target)
    assert contents(target) == [10.0] * 3


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_what_cannot_be_read_now_is_not_taken_for_damaged(tmp_path, monkeypatch, code):
    saved = Checkpoints(tmp_path)
    save(saved, 10, 20)
    before = open

    def failing(path, *args, **kwargs):
        if str(path).endswith(".npz"):
            raise OSError(code, os.strerror(code))
        return before(path, *args, **kwargs)

    monkeypatch.setattr("builtins.open", failing)
    monkeypatch.setattr("io.open", failing)
    with pytest.raises(OSError, match=r"Could not read the checkpoint .*step_00000020") as raised:
        saved.restore(variables())
    assert raised.value.errno == code
    monkeypatch.undo()
    assert saved.restore(variables())[0] == 20


def test_too_little_memory_is_not_damage(tmp_path, monkeypatch):
    saved = Checkpoints(tmp_path)
    save(saved, 10, 20)

    def full(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(checkpoint.np, "load", full)
    with pytest.raises(MemoryError, match="step_00000020"):
        saved.restore(variables())


@pytest.mark.parametrize("finite", [Snapshot.all_finite, None])
def test_broken_weights_are_seen(finite):
    def look(given, running=()):
        return finite(Snapshot(1, given, running)) if finite else all_finite(given, running)

    assert look(variables(1.0), list(variables(1.0).values()))
    broken = variables(1.0)
    broken["optimizer/moment"].assign([1.0, float("nan"), 1.0])
    assert not look(broken)
    assert not look(variables(1.0), list(broken.values()))


def test_a_full_disk_keeps_what_was_there(tmp_path, monkeypatch):
    saved = Checkpoints(tmp_path)
    save(saved, 10)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left.*what was there before is kept"):
        save(saved, 20)
    assert [path.name for path in tmp_path.iterdir()] == ["step_00000010.npz"]
    assert saved.restore(variables())[0] == 10


def test_a_snapshot_is_a_copy(tmp_path):
    source = variables(1.0)
    snapshot = Snapshot(1, source)
    source["network/kernel"].assign(np.full((2, 3), 2.0))
    np.testing.assert_array_equal(snapshot.arrays["network/kernel"], np.full((2, 3), 1.0))
