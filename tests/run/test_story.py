"""The whole run on the embedded digits, tiny: products, resume, and every way it must refuse."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from tiny_run import tiny_run as tiny

from keras_kd.distillation.kd_model import KDModel
from keras_kd.run import story as run
from keras_kd.run.workdir import Workdir
from keras_kd.training import log as metrics_log
from keras_kd.training import saving as callbacks
from keras_kd.training.checkpoints import DIGEST, META, Checkpoints

REPOSITORY = Path(__file__).resolve().parents[2]


def lines(workdir, name):
    return metrics_log.logged(Path(workdir) / "metrics.jsonl", name)


@pytest.fixture
def finished(finished_run):
    """A finished run: (its report, its workdir)."""
    return finished_run


def test_a_run_leaves_what_the_design_says(finished):
    report, workdir = finished
    names = ("config.json", "metrics.jsonl", "tensorboard", "student.keras", "report.json")
    assert all((workdir / name).exists() for name in names)
    assert report == json.loads((workdir / "report.json").read_text())
    assert report["dataset"] == "digits"
    assert report["train"]["steps"] == 6
    assert report["data"]["train_images"] == 64 and report["data"]["test_images"] == 50
    student = keras.models.load_model(workdir / "student.keras")
    assert report["student"]["parameters"] == student.count_params()
    assert list(lines(workdir, "distil")[0])[:2] == ["stage", "step"]
    assert [line["step"] for line in lines(workdir, "distil")] == [3, 6]


def test_a_finished_run_does_nothing(finished):
    _, workdir = finished
    before = (workdir / "student.keras").stat().st_mtime_ns
    told = []
    run.run(tiny(), workdir, progress=told.append)
    assert "nothing to do" in told[0]
    assert (workdir / "student.keras").stat().st_mtime_ns == before


def test_checkpoints_hold_the_student_and_no_teacher(finished):
    _, workdir = finished
    saved = np.load(Checkpoints(workdir / "checkpoints" / "distil").path(6))
    names = [name for name in saved.files if name not in (META, DIGEST)]
    student = keras.models.load_model(workdir / "student.keras")
    # The student, Adam's two moments of its trainable weights, its step and the model's.
    trainable = len(student.trainable_variables)
    parts = {"network/student/": len(student.variables), "optimizer/student/": 2 * trainable + 1}
    parts |= {"step": 1, "running/": len([name for name in names if name.startswith("running/")])}
    for start, count in parts.items():
        assert sum(name.startswith(start) for name in names) == count, start
    assert len(names) == sum(parts.values())


@pytest.mark.slow  # test_chains stops in each stage, too
@pytest.mark.parametrize("stopped_in", ["teacher", "distil"])
def test_a_stopped_run_ends_as_if_it_had_not_been(finished, tmp_path, monkeypatch, stopped_in):
    _, whole = finished
    save = Checkpoints.save

    def save_and_stop(self, snapshot):
        save(self, snapshot)
        if self.folder.name == stopped_in:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        run.run(tiny(), tmp_path)
    monkeypatch.setattr(Checkpoints, "save", save)
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"stage": "distil", "st')  # killed in the middle of a line
    run.run(tiny(), tmp_path)
    for name in ("teacher", "distil"):
        a, b = (np.load(Checkpoints(w / "checkpoints" / name).path(6)) for w in (whole, tmp_path))
        for key in a.files:
            if key not in (META, DIGEST):  # these hold seconds, and the checksum over them
                np.testing.assert_array_equal(a[key], b[key])
        losses = [[line["loss"] for line in lines(w, name)] for w in (whole, tmp_path)]
        assert losses[0] == losses[1]


def test_a_bad_loss_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    train = KDModel.train_step

    def poisoned(self, batch):
        x, y = batch
        bad = keras.ops.equal(self.optimizer.iterations, 4)
        return train(self, (keras.ops.where(bad, float("nan"), x), y))

    monkeypatch.setattr(KDModel, "train_step", poisoned)
    with pytest.raises(callbacks.TrainingDiverged, match=r"'teacher' is not finite from step 4"):
        run.run(tiny(), tmp_path)
    assert Workdir(tmp_path, tiny()).checkpoints("teacher").steps() == [3]
    assert [line["step"] for line in lines(tmp_path, "teacher")] == [3]


def test_weights_that_break_in_an_intervals_last_step_are_not_saved(tmp_path, monkeypatch):
    """The loss of that step was still good, and no later step of the interval would tell."""
    loss_and_gradients = KDModel._loss_and_gradients

    def poisoned(self, *args):
        *others, gradients = loss_and_gradients(self, *args)
        bad = keras.ops.equal(self.optimizer.iterations, 5)
        broken = [keras.ops.where(bad, float("nan"), gradient) for gradient in gradients]
        return *others, broken

    monkeypatch.setattr(KDModel, "_loss_and_gradients", poisoned)
    with pytest.raises(callbacks.TrainingDiverged, match=r"'teacher' is not finite from step 6"):
        run.run(tiny(), tmp_path)
    assert Workdir(tmp_path, tiny()).checkpoints("teacher").steps() == [3]


@pytest.mark.slow  # a whole run more
def test_a_finished_stage_without_its_checkpoint_is_trained_again(finished, tmp_path):
    _, whole = finished
    shutil.copytree(whole, tmp_path / "run")
    (tmp_path / "run" / "report.json").unlink()
    for path in (tmp_path / "run" / "checkpoints" / "distil").glob("*.npz"):
        path.unlink()
    run.run(tiny(), tmp_path / "run")
    a, b = (np.load(w / "predictions.npz")["student_logits"] for w in (whole, tmp_path / "run"))
    np.testing.assert_array_equal(a, b)


@pytest.mark.slow  # tests/distillation has them in one step, test_views the views
def test_labels_and_methods_together_under_mixup_and_own_views(tmp_path):
    changes = {"distil.label_weight": 0.5, "data.teacher_resolution": 12, "baseline.mode": "mix"}
    config = tiny(**changes)
    config.distil.methods = {
        "soft_targets": {"temperature": 4.0},
        "hint": {"student_taps": ["stage2"], "teacher_taps": ["stage2"], "weight": 0.1},
        "relational_kd": {"student_taps": ["pre_logits"], "teacher_taps": ["pre_logits"]},
    }
    run.run(config, tmp_path)
    names = {"loss", "labels", "soft_targets", "hint", "relational_kd", "val_kl", "val_agreement"}
    assert names <= lines(tmp_path, "distil")[-1].keys()


@pytest.mark.slow  # test_evaluate has a run in mixed precision, test_saving one of several steps
def test_mixed_precision_and_several_steps_an_execution(tmp_path):
    changes = {"precision": "mixed_bfloat16", "steps_per_execution": 2, "baseline.enabled": False}
    report = run.run(tiny(**changes), tmp_path)
    student = keras.models.load_model(tmp_path / "student.keras")
    assert {layer.compute_dtype for layer in student.layers} == {"float32"}
    assert report["baseline"] is None
    assert [line["step"] for line in lines(tmp_path, "distil")] == [4, 6]


@pytest.mark.slow  # test_teach and test_fixed_modes give one, too
def test_a_teacher_may_come_from_a_file(finished, tmp_path):
    _, workdir = finished
    handle = str(workdir / "teacher.keras")
    report = run.run(tiny(**{"teacher.handle": handle}), tmp_path)
    assert report["teacher"]["accuracy"] == finished[0]["teacher"]["accuracy"]
    assert not (tmp_path / "checkpoints" / "teacher").exists()


def command(*arguments, **environment):
    """Runs keras-kd-train in a process of its own: (exit code, stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, "-m", "keras_kd.train", *arguments],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workdir=w"], "--config is missing"),
        (["--config=configs/digits.py"], "--workdir is missing"),
        (["--config=configs/digits.py", "--config.batchsize=3", "--workdir=w"], '"batch_size"'),
        (["--config=configs/digits.py", "--config.batch_size=x", "--workdir=w"], "invalid literal"),
        (["--config=configs/nope.py", "--workdir=w"], "configs/nope.py"),
    ],
)
def test_the_command_refuses_mistakes_in_a_sentence(tmp_path, arguments, message):
    arguments = [a.replace("=w", f"={tmp_path / 'w'}") for a in arguments]
    code, _, err = command(*arguments)
    assert code != 0
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "w" / "config.json").exists()


SHORT = [
    "--config=configs/digits.py",
    "--config.batch_size=16",
    "--config.teacher.model.kwargs.depth=8",
    "--config.teacher.model.kwargs.width=0.5",
    "--config.student.model.kwargs.width=0.25",
    "--config.teacher.train.total=4 steps",
    "--config.baseline.total=4 steps",
    "--config.distil.total=4 steps",
    "--config.export.formats=('float32',)",
]


@pytest.mark.slow  # two replicas are tested in tests/strategy, a second start in this file
def test_the_command_runs_on_two_virtual_devices_and_again(tmp_path):
    code, out, err = command(*SHORT, f"--workdir={tmp_path}", "--virtual_devices=2")
    assert code == 0, err
    assert "2 replica(s)" in out
    assert "float32" in out and out.strip().endswith("report.html")
    assert "img/s" in err
    assert "dataset.cc" not in err, "TensorFlow's notes belong into tensorflow.log"
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["exports"]["float32"]["agreement_with_keras"] == 1.0
    code, out, err = command(*SHORT, f"--workdir={tmp_path}", "--virtual_devices=2")
    assert code == 0, err
    assert "nothing to do" in out and "Report: " in out


def test_the_command_draws_a_preview(tmp_path):
    code, out, err = command("--config=configs/digits.py", f"--preview={tmp_path / 'sheet.png'}")
    assert code == 0, err
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
    assert "sheet.png" in out
