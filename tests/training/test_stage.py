"""A stage that is stopped, wherever, ends as one that was not; on a network of a few weights."""

import errno
import os
import signal
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_stage
from tiny_stage import (
    arrays_of,
    assert_same,
    endless,
    evaluation,
    images,
    outcome,
    steps_from,
    write_all,
)

from keras_kd.config import base, stage
from keras_kd.distillation.kd_model import KDModel
from keras_kd.distribution import strategies
from keras_kd.methods import SoftTargets
from keras_kd.run.workdir import Workdir
from keras_kd.training import checkpoints as checkpoint
from keras_kd.training import log as metrics_log
from keras_kd.training import stage as stages
from keras_kd.training.checkpoints import Checkpoints
from keras_kd.training.lengths import Lengths, make_optimizer, steps_to_keep
from keras_kd.utils import files
from keras_kd.utils.signals import Stopped, noted_before, noticed


def network(dropout):
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dropout(dropout), keras.layers.Dense(3)]
    )


def train(folder, stream=endless, student=None, **changes):
    """14 steps in intervals of 6."""
    student = student or network(dropout=0.5)
    settings = stage(
        total="14 steps", interval="6 steps", warmup="1 steps", learning_rate=0.1, label_weight=0.0
    )
    return tiny_stage.train(folder, student, network(0.0), settings, stream, **changes), student


@pytest.fixture(autouse=True)
def attentive():
    """A shell's background jobs ignore SIGINT; these tests do not, wherever they are started."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    result, _ = train(folder)
    return result, outcome(folder)


def at(step, action, hook="on_train_batch_end"):
    """A patch of `Save` that acts just before it handles a step."""
    original = getattr(stages.Save, hook)

    def patched(self, *args, **kwargs):
        if self.clock.step == step and not getattr(at, "done", False):
            at.done = True
            action()
        return original(self, *args, **kwargs)

    at.done = False
    return "keras_kd.training.saving.Save." + hook, patched


def test_a_whole_stage_logs_each_interval_and_counts_time_apart(undisturbed):
    result, (_, entries) = undisturbed
    assert [entry["step"] for entry in entries] == [6, 12, 14]
    assert result["steps"] == 14
    assert result["first_step_seconds"] > 0 and result["seconds"] > 0
    assert {"accuracy", "kl", "agreement", "images_per_second"} <= result.keys()
    # The first step traces and compiles, which takes hundreds of the others' time.
    assert result["images_per_second"] > 8 / result["first_step_seconds"]


@pytest.mark.parametrize(
    ("step", "signum", "code"),
    [*((step, signal.SIGTERM, 143) for step in (1, 6, 9, 14)), (3, signal.SIGINT, 130)],
)
def test_a_signal_saves_the_step_and_the_rest_is_the_same(
    undisturbed, tmp_path, monkeypatch, caplog, step, signum, code
):
    before = signal.getsignal(signum)
    monkeypatch.setattr(*at(step, lambda: os.kill(os.getpid(), signum)))
    with pytest.raises(Stopped, match=rf"Stopped at step {step} of stage 'distil'") as stopped:
        train(tmp_path)
    assert stopped.value.code == code
    assert signal.getsignal(signum) == before
    assert Workdir(tmp_path, base()).checkpoints("distil").steps()[-1] == step
    with caplog.at_level("INFO", logger="keras_kd"):
        train(tmp_path)
    assert caplog.messages == [f"distil: goes on from step {step}"]
    assert_same(outcome(tmp_path), undisturbed[1])


@pytest.mark.parametrize("step", [6, 14])
def test_a_signal_in_an_evaluation_costs_the_evaluation_only(
    undisturbed, tmp_path, monkeypatch, step
):
    signalled = at(step, lambda: os.kill(os.getpid(), signal.SIGTERM), "on_test_batch_end")
    monkeypatch.setattr(*signalled)
    with pytest.raises(Stopped):
        train(tmp_path)
    assert step not in [e["step"] for e in metrics_log.logged(tmp_path / "metrics.jsonl", "distil")]
    started = []

    def stream(start, stop):
        started.append(start)
        return steps_from(start), stop

    train(tmp_path, stream)
    assert started == {6: [6, 12], 14: []}[step]
    assert_same(outcome(tmp_path), undisturbed[1])


@pytest.mark.parametrize("lost", [1, 2])
def test_going_on_from_an_older_checkpoint_forgets_what_came_after(undisturbed, tmp_path, lost):
    train(tmp_path, keep=5)
    folder = tmp_path / "checkpoints" / "distil"
    (folder / "result.json").unlink()
    kept = Checkpoints(folder)
    for step in kept.steps()[-lost:]:
        kept.path(step).unlink()
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"stage": "distil", "st')  # killed in the middle of a line
    train(tmp_path)
    assert_same(outcome(tmp_path), undisturbed[1])


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


def test_several_steps_an_execution_stop_and_go_on_as_well(tmp_path, monkeypatch):
    several = {"steps_per_execution": 2}
    train(tmp_path / "whole", **several)
    monkeypatch.setattr(*at(8, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    with pytest.raises(Stopped, match="step 8"):
        train(tmp_path / "cut", every="", **several)
    train(tmp_path / "cut", every="", **several)
    assert_same(outcome(tmp_path / "cut"), outcome(tmp_path / "whole"))


def test_the_best_is_kept_the_first_of_equals(tmp_path):
    train(tmp_path, keep=1)
    entries = metrics_log.logged(tmp_path / "metrics.jsonl", "distil")
    best = max(entries, key=lambda entry: entry["val_accuracy"])["step"]
    kept = Workdir(tmp_path, base()).checkpoints("distil")
    assert kept.steps() == [14]
    student = network(0.5)
    optimizer = make_optimizer(
        stage(total="14 steps", warmup="1 steps", learning_rate=0.1), Lengths(64, 8)
    )
    kd = KDModel(student, network(0.0), [SoftTargets()])
    kd.compile(optimizer)
    with np.load(kept.best) as saved:
        assert f'"step": {best},' in saved["meta.json"].tobytes().decode()
    found = kd.evaluate(evaluation(), verbose=0, return_dict=True)
    assert found  # before: other weights
    alone = Checkpoints(tmp_path / "alone")
    alone.folder.mkdir()
    alone.path(best).write_bytes(kept.best.read_bytes())
    assert alone.restore(kd.state())[0] == best
    x, y = next(iter(evaluation().unbatch().batch(20)))
    share = np.mean(student.predict(x, verbose=0).argmax(1) == y.numpy())
    assert share == pytest.approx(max(entry["val_accuracy"] for entry in entries))


def test_it_goes_on_from_the_best_where_all_others_are_damaged(undisturbed, tmp_path):
    train(tmp_path)
    kept = Workdir(tmp_path, base()).checkpoints("distil")
    for step in kept.steps():
        kept.path(step).write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="is damaged"):
        train(tmp_path)
    assert_same(outcome(tmp_path), undisturbed[1])


def test_a_signal_that_no_step_saw_is_not_forgotten():
    with pytest.raises(Stopped), noticed() as asked:
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked.signum == signal.SIGTERM


def test_a_signal_is_told_and_goes_along_with_another_error(capfd):
    with pytest.raises(RuntimeError, match="lost") as raised, noticed():
        os.kill(os.getpid(), signal.SIGTERM)
        raise RuntimeError("lost")
    assert noted_before(raised.value) == signal.SIGTERM
    assert "SIGTERM: stopping after this step" in capfd.readouterr().err
    with pytest.raises(RuntimeError) as raised, noticed():
        raise RuntimeError
    assert noted_before(raised.value) is None


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


def test_tensorboards_file_is_closed(tmp_path, monkeypatch):
    closed, close = [], metrics_log.Log.close
    monkeypatch.setattr(
        metrics_log.Log, "close", lambda log: (close(log), closed.append(log.summaries))
    )
    train(tmp_path)
    with pytest.raises(RuntimeError, match="already closed"), closed[0].as_default(step=1):
        pass


def test_a_steps_numbers_stay_on_the_device(tmp_path, monkeypatch):
    """As floats, which Keras's own list of callbacks makes of them, each step would wait."""
    seen, real = [], stages.Clock.on_train_batch_end

    def noting(self, batch, logs=None):
        seen.extend(logs.values())
        real(self, batch, logs)

    monkeypatch.setattr(stages.Clock, "on_train_batch_end", noting)
    train(tmp_path)
    assert len(seen) >= 14
    assert all(isinstance(value, tf.Tensor) for value in seen)


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


def test_a_worker_that_leaves_files_to_the_chief_writes_none(tmp_path, monkeypatch):
    copied, snapshot = [], checkpoint.Snapshot.__init__

    def counting(self, step, variables, *args):
        copied.extend(variables)
        snapshot(self, step, variables, *args)

    monkeypatch.setattr(checkpoint.Snapshot, "__init__", counting)
    result, _ = train(tmp_path, writes=False)
    assert result["steps"] == 14 and "accuracy" in result
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
    assert not copied  # what it does not save need not leave the device


def test_a_bad_loss_within_an_interval_is_found_at_the_next_checkpoint(tmp_path):
    def stream(start, stop):
        def poisoned(step):
            x, y = images(step)
            return tf.where(step == 9, float("nan"), x), y

        return steps_from(start, poisoned), stop

    with pytest.raises(RuntimeError, match=r"not finite from step 9 on.*\(step 8\)"):
        train(tmp_path, stream)
    # And after a resume the step is still the stage's.
    with pytest.raises(RuntimeError, match=r"not finite from step 9 on.*\(step 8\)"):
        train(tmp_path, stream)


def test_chosen_steps_are_kept_and_change_nothing(undisturbed, tmp_path, monkeypatch):
    keep_at = ("3 steps", "50 percent", "40 examples")
    train(tmp_path / "some", keep=1, keep_at=keep_at)
    write_all(monkeypatch)
    train(tmp_path / "all", every="1 steps", keep=14)
    assert_same(outcome(tmp_path / "some"), undisturbed[1])
    every, some = (Checkpoints(tmp_path / n / "checkpoints" / "distil") for n in ("all", "some"))
    assert (some.steps(), some.kept.steps()) == ([14], [3, 5, 7])
    assert {3, 5, 7, 14} <= some.files().keys()
    for step in some.kept.steps():
        one, other = arrays_of(some.kept.path(step)), arrays_of(every.path(step))
        assert_same((one, ()), (other, ()))


def test_a_chosen_step_does_not_give_way_to_a_newer_one_on_a_slow_disk(tmp_path, monkeypatch):
    save = Checkpoints.save
    monkeypatch.setattr(Checkpoints, "save", lambda *args: (time.sleep(0.1), save(*args)))
    train(tmp_path, every="1 steps", keep_at=("3 steps", "4 steps"))
    assert Workdir(tmp_path, base()).checkpoints("distil").kept.steps() == [3, 4]


def test_a_chosen_step_is_kept_though_the_run_was_killed_before(tmp_path, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr(*at(3, lambda: os.kill(os.getpid(), signal.SIGTERM)))
        killed.setattr(Checkpoints, "keep_for_good", lambda self, step: None)
        with pytest.raises(Stopped):
            train(tmp_path, keep_at=("3 steps",))
    checkpoints = Workdir(tmp_path, base()).checkpoints("distil")
    assert (checkpoints.steps()[-1], checkpoints.kept.steps()) == (3, [])
    train(tmp_path, keep_at=("3 steps",))
    assert checkpoints.kept.steps() == [3]


def test_steps_to_keep_are_whole_executions_within_the_stage():
    settings = stage(total="14 steps", warmup="1 steps")
    keep = steps_to_keep
    assert keep(("3 steps", "100%", "3 steps"), settings, Lengths(64, 8)) == [3, 14]
    assert keep(("3 steps", "100%"), settings, Lengths(64, 8, 4)) == [4, 16]
    for length in ("15 steps", "0 steps"):
        with pytest.raises(ValueError, match=rf"keep_at.* 14 steps.*Received: '{length}'"):
            keep((length,), settings, Lengths(64, 8))
