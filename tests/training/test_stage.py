"""A stage that is stopped, wherever, ends as one that was not; on a network of a few weights."""

import errno
import os

import numpy as np
import pytest
from stoppable_stage import network, train
from tiny_stage import (
    assert_same,
    outcome,
    steps_from,
)

from keras_kd.config import base
from keras_kd.distribution import strategies
from keras_kd.run.workdir import Workdir
from keras_kd.training import stage as stages
from keras_kd.training.checkpoints import Checkpoints
from keras_kd.utils import files


@pytest.mark.parametrize("cuts", [(4, 9), (6, 12), (1, 13)])
def test_segments_do_not_show(undisturbed, tmp_path, cuts):
    """Also where their structure changes: stored logits of the same teacher, and none."""
    teacher, spans = network(0.0), []

    def stream(start, stop):
        until = min([cut for cut in (*cuts, 14) if cut > start] + [stop])
        spans.append((start, until))
        live = steps_from(start)
        if start < cuts[0] or start >= cuts[1]:
            return live, until
        return live.map(lambda x, y: ({"image": x, "teacher_logits": teacher(x)}, y)), until

    train(tmp_path, stream)
    arrays, entries = outcome(tmp_path)
    whole_arrays, whole_entries = undisturbed[1]
    assert [a.keys() for a in entries] == [b.keys() for b in whole_entries]
    assert [e["step"] for e in entries] == [6, 12, 14]
    # The teacher's logits come out of another graph here, so the last bits may differ.
    for key, value in arrays.items():
        np.testing.assert_allclose(value, whole_arrays[key], rtol=1e-5, atol=1e-6)
    for mine, whole in zip(entries, whole_entries):
        assert mine["loss"] == pytest.approx(whole["loss"], rel=1e-5)
    assert {start for start, _ in spans} >= {0, *cuts}


def test_an_unaligned_stream_is_refused_under_several_steps_an_execution(tmp_path):
    with pytest.raises(ValueError, match="from 0 to 0 with steps_per_execution=2"):
        train(tmp_path, lambda start, stop: (steps_from(start), 1), steps_per_execution=2)


def test_it_goes_on_from_the_best_where_all_others_are_damaged(undisturbed, tmp_path):
    train(tmp_path)
    kept = Workdir(tmp_path, base()).checkpoints("distil")
    for step in kept.steps():
        kept.path(step).write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="is damaged"):
        train(tmp_path)
    assert_same(outcome(tmp_path), undisturbed[1])


@pytest.mark.parametrize("lost", ["14", "result"])
def test_other_data_than_before_are_refused(tmp_path, lost):
    train(tmp_path)
    folder = tmp_path / "checkpoints" / "distil"
    if lost == "14":
        (folder / "result.json").unlink()
        Checkpoints(folder).path(14).unlink()
    with pytest.raises(ValueError, match=r"num_examples=64 there, 65 here"):
        train(tmp_path, num_examples=65)


def test_workers_at_different_steps_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(strategies, "gather", lambda strategy, done: [[done], [done + 2]])
    with pytest.raises(ValueError, match=r"same step. Received: steps \[0, 2\]"):
        train(tmp_path)


@pytest.mark.parametrize("lacks", [False, True])
def test_the_chief_says_whether_an_evaluation_is_missing(tmp_path, monkeypatch, lacks):
    train(tmp_path)
    folder = tmp_path / "checkpoints" / "distil"
    (folder / "result.json").unlink()
    Checkpoints(folder).path(14).unlink()
    evaluated = []
    monkeypatch.setattr(stages.Stage, "_evaluate_again", lambda *args: evaluated.append(args))

    answers = [[[12], [12]], [[int(lacks)], [1 - lacks]]]  # of the step, and whether it lacks
    monkeypatch.setattr(strategies, "gather", lambda *args: answers.pop(0))
    train(tmp_path)
    assert len(evaluated) == lacks


def test_a_finished_stage_says_so_and_gives_its_weights(tmp_path, caplog):
    result, student = train(tmp_path)
    with caplog.at_level("INFO", logger="keras_kd"):
        again, restored = train(tmp_path)
    assert again == result
    assert caplog.messages == [f"distil: finished before, {result['accuracy']:.1%}"]
    for a, b in zip(student.get_weights(), restored.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_a_full_disk_stops_the_stage_and_what_was_saved_is_kept(tmp_path, monkeypatch):
    fsync, saves = os.fsync, []

    def full(descriptor):
        saves.append(descriptor)
        if len(saves) > 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match=r"Could not write .*\.npz.*No space left"):
        train(tmp_path)
    monkeypatch.undo()
    assert Workdir(tmp_path, base()).checkpoints("distil").steps()
    train(tmp_path)
