"""What a stage saves and when it leaves: signals, the best, chosen steps, and a broken loss."""

import os
import signal
import time

import numpy as np
import pytest
import tensorflow as tf
from stoppable_stage import at, network, train
from tiny_stage import arrays_of, assert_same, evaluation, images, outcome, steps_from, write_all

from keras_kd.config import base, stage
from keras_kd.distillation.kd_model import KDModel
from keras_kd.methods import SoftTargets
from keras_kd.run.workdir import Workdir
from keras_kd.training import checkpoints as checkpoint
from keras_kd.training import log as metrics_log
from keras_kd.training.checkpoints import Checkpoints
from keras_kd.training.lengths import Lengths, make_optimizer
from keras_kd.utils.signals import Stopped


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
