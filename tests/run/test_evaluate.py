"""keras-kd-evaluate on tiny runs: figures, steps, other data, ensembles, and what it refuses."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn import metrics
from tiny_run import tiny_run

from keras_kd import evaluation
from keras_kd.models import resnet
from keras_kd.run import story as run
from keras_kd.run.evaluate import evaluate
from keras_kd.teachers import Ensemble
from keras_kd.training import log as metrics_log

REPOSITORY = Path(__file__).resolve().parents[2]
CLASSES = [f"class{index}" for index in range(7)]


def tiny(**changes):
    """Two checkpoints that are kept for good, and no baseline."""
    own = {"checkpoint.keep": 1, "checkpoint.keep_at": ("2 steps", "50 percent")}
    return tiny_run(**{**own, "baseline.enabled": False, **changes})


def assert_close(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        arrays = (np.asarray(values, "float64") for values in (found[name], value))
        np.testing.assert_allclose(*arrays, rtol=1e-5, err_msg=name)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The workdir of a finished run, whose method has weights of its own."""
    workdir = tmp_path_factory.mktemp("runs") / "digits"
    config = tiny()
    config.distil.methods = {
        "soft_targets": {},
        "hint": {"student_taps": ["stage2"], "teacher_taps": ["stage2"]},
    }
    run.run(config, workdir)
    return workdir


def write_folder(path, names, splits=("train", "test"), count=5):
    """Colour images of 8 px, `count` a class."""
    rng = np.random.default_rng(0)
    for split in splits:
        for name in names:
            folder = path / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                image = rng.integers(0, 256, (8, 8, 3))
                keras.utils.save_img(folder / f"{index}.png", image, scale=False)
    return f"folder:{path}"


def test_the_finished_student_on_the_runs_own_split(finished):
    found = evaluate(finished)
    assert found == json.loads((finished / "evaluation.json").read_text())
    assert [found[key] for key in ("source", "split", "images")] == ["digits", "test[:50]", 50]
    (result,) = found["results"]
    assert result["step"] == 6
    # The run itself has kept what both models said.
    with np.load(finished / "predictions.npz") as saved:
        labels, t, s = (saved[key] for key in ("label", "teacher_logits", "student_logits"))
    report = json.loads((finished / "report.json").read_text())
    assert result["kl"] == pytest.approx(report["fidelity"]["kl"], rel=1e-4)
    assert result["agreement"] == pytest.approx(np.mean(t.argmax(1) == s.argmax(1)))
    top5 = metrics.top_k_accuracy_score(t.argmax(1), s, k=5, labels=range(10))
    assert result["agreement_top5"] == pytest.approx(top5)
    assert result["l2"] == pytest.approx(np.linalg.norm(t - s, axis=1).mean(), rel=1e-4)
    for role, logits in (("student", s), ("teacher", t)):
        assert result[f"{role}_accuracy"] == pytest.approx(report[role]["accuracy"])
        wanted = evaluation.expected_calibration_error(labels, logits)
        assert result[f"{role}_ece"] == pytest.approx(wanted, rel=1e-4)
        recalls = metrics.recall_score(labels, logits.argmax(1), average=None, labels=range(10))
        assert result[f"{role}_per_class"] == pytest.approx(list(recalls))


def test_every_step_that_was_kept(finished, tmp_path):
    found = evaluate(finished, steps="all", output=tmp_path / "all.json")
    assert [result["step"] for result in found["results"]] == [2, 3, 6]
    logged = metrics_log.logged(finished / "metrics.jsonl", "distil")
    for line, result in zip(logged, found["results"][1:], strict=True):
        assert line["step"] == result["step"]
        assert line["val_accuracy"] == pytest.approx(result["student_accuracy"])
        assert line["val_agreement"] == pytest.approx(result["agreement"])
        assert line["val_kl"] == pytest.approx(result["kl"], rel=1e-4)
    (end,) = evaluate(finished, output=tmp_path / "end.json")["results"]
    assert_close(found["results"][-1], end)
    assert found["results"][0]["kl"] != pytest.approx(end["kl"], rel=1e-3)
    (second,) = evaluate(finished, steps="2", output=tmp_path / "second.json")["results"]
    assert second == found["results"][0]


def test_another_split(finished, tmp_path):
    found = evaluate(finished, split="train[:30]", output=tmp_path / "train.json")
    assert (found["split"], found["images"]) == ("train[:30]", 30)
    assert len(found["results"][0]["student_per_class"]) == 10


def test_a_run_that_was_stopped_can_be_evaluated_at_its_steps(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    for name in ("student.keras", "report.json"):
        (tmp_path / "run" / name).unlink()
    with pytest.raises(ValueError, match=r"not finished.*--steps, of 2, 3, 6"):
        evaluate(tmp_path / "run")
    (result,) = evaluate(tmp_path / "run", steps="3")["results"]
    assert result["step"] == 3
    (tmp_path / "run" / "teacher.keras").unlink()
    with pytest.raises(ValueError, match=r"teacher\.keras"):
        evaluate(tmp_path / "run", steps="3")


@pytest.fixture(scope="module")
def in_colour(tmp_path_factory):
    """The workdir of an averaged run in mixed precision, 7 classes, its teacher an ensemble."""
    folder = tmp_path_factory.mktemp("colour")
    own = write_folder(folder / "own", CLASSES)
    teachers = [resnet(8, 0.25, 7, (8, 8, 3)), resnet(8, 0.5, 7, (8, 8, 3))]
    teachers[0].name, teachers[1].name = "narrow", "wide"
    Ensemble(teachers).save(folder / "ensemble.keras")
    changes = {
        "precision": "mixed_bfloat16",
        "distil.ema": 0.9,
        "teacher.handle": str(folder / "ensemble.keras"),
        "teacher.engine": "graph",
        "data.source": own,
        "data.train_split": "train",
        "data.eval_split": "test",
    }
    run.run(tiny(**changes), folder / "run")
    return folder / "run"


def test_each_member_of_an_ensemble_and_the_step_of_a_run_in_mixed_precision(in_colour, tmp_path):
    (end,) = evaluate(in_colour, output=tmp_path / "end.json")["results"]
    _, again = evaluate(in_colour, steps="2,6", output=tmp_path / "steps.json")["results"]
    members = end.pop("members")
    assert list(members) == ["narrow", "wide"]
    ours = {key for key in end if key == "step" or key.startswith("student")}
    assert all(member.keys() == end.keys() - ours for member in members.values())
    for name, member in again.pop("members").items():
        assert_close(member, members[name])
    assert_close(again, end)


def test_other_data_with_other_classes_and_with_the_same(in_colour, tmp_path):
    shutil.move(in_colour.parent / "own", in_colour.parent / "gone")  # it is not needed for this
    told, output = [], tmp_path / "evaluation.json"
    other = write_folder(tmp_path / "other", ["a", "b"], ["test"])
    found = evaluate(in_colour, source=other, output=output, progress=told.append)
    assert (found["split"], found["images"], found["labels"]) == ("test", 10, False)
    assert "without accuracy" in told[-1]
    measured = {"step", "kl", "l2", "agreement", "agreement_top5", "members"}
    assert found["results"][0].keys() == measured
    same = write_folder(tmp_path / "same", CLASSES, ["test"])
    assert "student_ece" in evaluate(in_colour, source=same, output=output)["results"][0]
    with pytest.raises(ValueError, match=r"images of 3 channel\(s\).*digits, with 1"):
        evaluate(in_colour, source="digits", output=output)
    shutil.move(in_colour.parent / "gone", in_colour.parent / "own")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "tests"}, r"split='tests'.*'test'"),
        ({"source": "digit"}, "'digits'"),
        ({"steps": "5"}, r"have a checkpoint: 2, 3, 6\. Received: --steps=5"),
        ({"steps": "2,5"}, r"Received: --steps=2,5\..*keep_at"),
        ({"steps": "two"}, "Received: --steps=two"),
        ({"output": "."}, "Received: --output=., a folder"),
    ],
)
def test_mistakes_are_refused(finished, arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluate(finished, **arguments)


def test_folders_that_hold_no_run_are_refused(finished, tmp_path):
    with pytest.raises(ValueError, match=r"holds config\.json"):
        evaluate(tmp_path)
    shutil.copy(finished / "config.json", tmp_path)
    with pytest.raises(ValueError, match="goes on where it stopped"):
        evaluate(tmp_path)
    with pytest.raises(ValueError, match="have a checkpoint: none"):
        evaluate(tmp_path, steps="all")


def command(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "keras_kd.commands.evaluate", *arguments],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_prints_a_table(finished, tmp_path):
    output = tmp_path / "evaluation.json"
    code, out, err = command(f"--workdir={finished}", "--steps=2,6", f"--output={output}")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == "digits, split 'test[:50]': 50 images"
    assert lines[1].split()[:3] == ["KL", "L2", "agreement"]
    results = json.loads(output.read_text())["results"]
    for line, result in zip(lines[3:], results, strict=False):
        assert line.startswith(f"step {result['step']} ")
        assert f"{100 * result['teacher_ece']:.2f} %" in line
    assert lines[-1] == f"Wrote {output}"


def test_the_command_refuses_in_a_sentence(tmp_path):
    code, out, err = command(f"--workdir={tmp_path / 'nowhere'}")
    assert (code, out) == (2, "")
    assert err.startswith("keras-kd-evaluate: A working directory holds config.json.")
    assert err.count("\n") == 1
    assert not (tmp_path / "nowhere").exists()
