"""Classes that come one lesson after the other, from the config to the report."""

import json

import keras
import numpy as np
import pytest
from tiny_run import tiny_run, with_changes
from tiny_stage import arrays_of, stop_after

from keras_kd import config as configs
from keras_kd.export import report
from keras_kd.models import resnet
from keras_kd.models.some_classes import known_classes
from keras_kd.run import Experiment, Finished, run

STEPS = 4
OLD, NEW = ("0", "1", "2", "3", "4"), (5, 6, 7, 8, 9)  # names, and numbers


def lessons(**changes):
    config = tiny_run(STEPS, xla="off")
    config.teacher.train.classes = OLD
    config.teacher.model.kwargs.width = 0.25
    config.student = configs.keys.network("extend", of="teacher")
    config.baseline.classes = config.distil.classes = NEW
    config.distil.update(label_weight=1.0, mode="same/ic")
    config.distil.methods = {"learning_without_forgetting": {"temperature": 2.0}}
    return with_changes(config, changes)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(report, workdir) of a run that nothing disturbed."""
    workdir = tmp_path_factory.mktemp("runs") / "lessons"
    return run(lessons(), workdir), workdir


def test_each_stage_sees_its_own_classes(finished):
    _, workdir = finished
    experiment = Experiment(lessons(), workdir)
    digits = experiment.source.split("train[:64]")
    for stage, lesson in zip(experiment.stages, (range(5), NEW, NEW), strict=True):
        pool = experiment.streams.pools.of(stage)
        assert set(pool.examples.labels) == set(lesson)
        assert experiment.lengths_of(stage).num_examples == np.isin(digits.labels, lesson).sum()
        _, labels = next(iter(experiment.streams.of(stage).train(0, 1)[0]))
        assert set(np.asarray(labels)) <= set(lesson)


def test_the_report_tells_of_both_lessons(finished):
    found, workdir = finished
    facts = found["class_groups"]
    assert [group["classes"] for group in facts["groups"]] == [list(OLD), list(map(str, NEW))]
    labels = Finished(workdir).source.split("test[:50]").labels
    assert facts["groups"][1]["images"] == (labels >= 5).sum()
    first, *others = facts["stages"].values()
    assert first[1] is None and first[0]["told"] == first[0]["all"]
    kept = np.load(workdir / "predictions.npz")["student_logits"][labels >= 5]
    own = labels[labels >= 5]
    assert others[-1][1] == {
        "told": np.mean(kept[:, 5:].argmax(-1) + 5 == own), "all": np.mean(kept.argmax(-1) == own)
    }  # fmt: skip
    page = report.render(workdir).read_text()
    assert "Classes learned one lesson after the other" in page and "0, 1, 2, 3, 4 (" in page


def test_baseline_and_student_begin_as_the_old_network(finished):
    _, workdir = finished
    old = keras.saving.load_model(workdir / "teacher.keras", compile=False)
    assert known_classes(old) == list(range(5))
    experiment = Experiment(lessons(), workdir)
    _, baseline, distil = experiment.stages
    experiment.train_teachers(distil)
    one, _ = experiment.learner(baseline)
    other, _ = experiment.learner(distil, experiment.teacher(distil))
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    x = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype("float32")
    np.testing.assert_allclose(np.asarray(one(x))[:, :5], np.asarray(old(x))[:, :5], atol=1e-6)
    assert known_classes(Finished(workdir).load_student()) is None


@pytest.mark.slow
def test_it_resumes_exactly(finished, tmp_path, monkeypatch):
    """Stopped in each stage, the second time before the student's first checkpoint."""
    _, workdir = finished
    for stop in (2, 2, 2):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            stop_after(patch, stop)
            run(lessons(), tmp_path)
    run(lessons(), tmp_path)
    last = f"checkpoints/distil/step_{STEPS:08d}.npz"
    a, b = arrays_of(workdir / last), arrays_of(tmp_path / last)
    assert a.keys() == b.keys()
    for key, value in a.items():
        np.testing.assert_array_equal(value, b[key], err_msg=key)


def test_a_file_that_knows_the_old_classes_teaches_and_is_extended(tmp_path):
    model = resnet(8, 0.25, 5, (8, 8, 1))
    model.save(tmp_path / "old.keras")
    (tmp_path / "labels.txt").write_text("\n".join(OLD))
    config = lessons(**{
        "stages": ("baseline", "distil"), "teacher.handle": str(tmp_path / "old.keras"),
        "teacher.accept": True,
    })  # fmt: skip
    found = run(config, tmp_path / "run")
    assert [group["classes"] for group in found["class_groups"]["groups"]] == [list(map(str, NEW))]
    assert json.loads((tmp_path / "run" / "report.json").read_text())["student"]["parameters"]


@pytest.mark.slow
def test_teachers_of_a_lesson_each_are_united(tmp_path):
    """Two networks of a run that know some classes each, and a student of all."""
    config = tiny_run(STEPS, xla="off")
    config.teacher.train.classes = OLD
    own = config.teacher.train.copy_and_resolve_references()
    config.other = configs.keys.network("resnet", train=own, depth=8, width=0.25)
    config.other.train.classes = NEW
    config.stages = ("teacher", "other", "distil")
    config.distil.teachers = ("teacher", "other")
    config.distil.combine.name = "unite_classes"
    found = run(config, tmp_path)
    assert len(found["class_groups"]["groups"]) == 2 and np.isfinite(found["fidelity"]["kl"])


REFUSED = [
    ({"distil.classes": (4, 5, 6)}, r"must be new to the network.*of which it knows 4 already"),
    ({"distil.classes": (5, 6), "baseline.enabled": False, "batch_size": 4},
     r"'distil', after which it lacks 3 of 10: '7', '8', '9'. Leave config.distil.classes empty"),
    ({"stages": ("teacher",), "student.model.name": "resnet", "student.model.kwargs": {}},
     r"stage 'teacher', after which it lacks 5 of 10"),
    ({"distil.classes": ("5", "x")}, r"config.distil.classes must hold names.*Received: 'x'"),
    ({"distil.classes": (5,)}, r"config.distil.classes must name two classes or more"),
    ({"distil.classes": (7, "7")}, r"has '7' twice"),
    ({"data.train_split": "train[:4]", "batch_size": 1}, r"split 'train\[:4\]', without one of"),
    ({"batch_size": 40}, r"batch_size=40.*\(teacher.train.classes=\('0',"),
    ({"distil.methods": {"soft_targets": {}}}, r"one teacher, who knows 5 of the 10"),
    ({"data.unlabelled": "digits", "distil.label_weight": 0.0},
     r"config.distil.classes must be empty with data.unlabelled"),
    ({"data.labels_per_class": 2, "distil.label_weight": 0.0},
     r"config.distil.classes must be empty with data.labels_per_class"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_lessons_that_cannot_be(number, tmp_path):
    """Before anything is trained."""
    changes, words = REFUSED[number]
    with pytest.raises(ValueError, match=words):
        run(lessons(**changes), tmp_path)
    assert not list(tmp_path.glob("*.keras"))
