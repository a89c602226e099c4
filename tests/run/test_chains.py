"""Chains of stages that only a config describes: an assistant, and generations born again."""

import json

import keras
import numpy as np
import pytest
from tiny_run import tiny_run
from tiny_stage import TIMINGS, arrays_of, stop_after

from keras_kd import data
from keras_kd.config import network, stage
from keras_kd.evaluation import fidelity
from keras_kd.run import Finished, run
from keras_kd.teachers import Ensemble
from keras_kd.training.log import logged

STEPS = 4
SOFT = {"methods": {"soft_targets": {"temperature": 2.0}}, "label_weight": 0.0}


def tiny():
    return tiny_run(STEPS, xla="off")  # what XLA compiles is tested elsewhere, and takes long


def further(**changes):
    """A stage like the others of `tiny_run`."""
    short = {"total": f"{STEPS} steps", "interval": f"{STEPS // 2} steps", "warmup": "1 steps"}
    return stage(**{**short, **SOFT, **changes})


def assistant():
    """The teacher teaches an assistant, and the assistant the student."""
    config = tiny()
    config.assistant = network("resnet", depth=8, width=0.375)
    config.assistant.train = further(teachers=("teacher",))
    config.distil.teachers = ("assistant",)
    config.stages = ("teacher", "assistant", "distil")
    config.ensemble = ("assistant", "distil")
    return config


def born_again():
    """The student teaches one like itself, together with the teacher."""
    config = tiny()
    config.again = further(teachers=("teacher", "distil"), seed=1)
    config.stages = ("teacher", "distil", "again")
    config.ensemble = ("distil", "again")
    return config


# What resumes a chain knows nothing of its kind: one every day, the other in the slow suite.
CHAINS = [assistant, pytest.param(born_again, marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=CHAINS, ids=lambda make: make.__name__)
def finished(request, tmp_path_factory):
    """(its config, its report, its workdir) of a run that nothing disturbed."""
    workdir = tmp_path_factory.mktemp("runs") / request.param.__name__
    config = request.param()
    return config, run(config, workdir), workdir


def test_the_report_the_log_and_tensorboard_tell_each_stage_by_its_name(finished):
    config, report, workdir = finished
    assert list(report["stages"]) == list(config.stages)
    for name, facts in report["stages"].items():
        assert facts["network"] == "resnet" and 0 <= facts["accuracy"] <= 1
        assert [line["step"] for line in logged(workdir / "metrics.jsonl", name)] == [2, 4]
        assert list((workdir / "tensorboard" / name).iterdir())
    followed = [facts["teachers"] for facts in report["stages"].values()]
    assert followed in (
        [[], ["teacher"], ["assistant"]],
        [[], ["teacher"], ["teacher", "distil"]],
    )
    assert report["baseline"] is None
    sizes = [facts["parameters"] for facts in report["stages"].values()]
    assert report["student"]["parameters"] == sizes[-1]
    if "assistant" in report["stages"]:
        assert sizes[0] > sizes[1] > sizes[2]
        assert report["teacher"]["parameters"] == sizes[1]
    else:
        assert report["teacher"]["parameters"] == sizes[0] + sizes[1]
    assert report == json.loads((workdir / "report.json").read_text())


def test_each_stage_follows_the_networks_that_it_names(finished):
    """What the log tells of the last stage, from the files that the stages left."""
    config, report, workdir = finished
    last = config.stages[-1]
    names = report["stages"][last]["teachers"]
    models = [keras.models.load_model(workdir / f"{name}.keras") for name in names]
    teacher = models[0] if len(models) == 1 else Ensemble(models)
    student = keras.models.load_model(workdir / "student.keras")
    images = data.evaluation_dataset("digits", "test[:50]", 50, 8, full_image=True)
    found = fidelity(student, teacher, images)
    line = logged(workdir / "metrics.jsonl", last)[-1]
    assert found["kl"] == pytest.approx(line["val_kl"], rel=1e-3)
    assert found["agreement"] == pytest.approx(line["val_agreement"])
    assert not (workdir / f"{last}.keras").exists()  # the student has its own name


def test_stages_are_evaluated_as_one_by_the_mean_of_their_logits(finished):
    config, report, workdir = finished
    (earlier, _), told = config.ensemble, report["ensemble"]
    models = [keras.models.load_model(workdir / f"{name}.keras") for name in (earlier, "student")]
    images = data.evaluation_dataset("digits", "test[:50]", 50, 8, full_image=True)
    x, y = next(iter(images))
    logits = [np.asarray(model(x), "float64") for model in models]
    right = [float((z.argmax(1) == y.numpy()).mean()) for z in (sum(logits), *logits)]
    assert [told["accuracy"], *told["members"].values()] == right
    assert list(told["members"]) == list(config.ensemble)


def test_a_finished_chain_gives_its_student_and_whom_it_follows(finished):
    _, report, workdir = finished
    opened = Finished(workdir)
    student, teacher = opened.load_student(), opened.load_teacher(1)
    assert student.count_params() == report["student"]["parameters"]
    assert teacher.count_params() == report["teacher"]["parameters"]
    images = opened.evaluation_images(batch_size=50)
    found = fidelity(student, teacher, images)
    assert found["agreement"] == pytest.approx(report["fidelity"]["agreement"])


def test_stopped_in_the_middle_of_each_stage_it_ends_as_if_it_had_not_been(
    finished, tmp_path, monkeypatch
):
    config, report, whole = finished
    for stage_name in config.stages:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            stop_after(patch, STEPS // 2)
            run(config, tmp_path)
        steps = sorted((tmp_path / "checkpoints" / stage_name).glob("step_*"))
        assert [path.stem for path in steps] == ["step_00000002"]
        with open(tmp_path / "metrics.jsonl", "a") as log:
            log.write('{"stage": "distil", "st')  # killed in the middle of a line
    again = run(config, tmp_path)
    assert again["student"] == report["student"] and again["teacher"] == report["teacher"]
    for stage_name in config.stages:
        a, b = (
            arrays_of(folder / "checkpoints" / stage_name / f"step_{STEPS:08d}.npz")
            for folder in (whole, tmp_path)
        )
        assert a.keys() == b.keys()
        for key, value in a.items():
            np.testing.assert_array_equal(value, b[key], err_msg=f"{stage_name}: {key}")
        lines = [
            [
                {key: value for key, value in line.items() if key not in TIMINGS}
                for line in logged(folder / "metrics.jsonl", stage_name)
            ]
            for folder in (whole, tmp_path)
        ]
        assert lines[0] == lines[1]


def test_a_generation_with_another_seed_starts_from_other_weights():
    from keras_kd.run import Experiment

    config = born_again()
    run_of = Experiment(config)
    _, distil, again = run_of.stages
    first = [run_of.learner(one)[0].get_weights() for one in (distil, again, distil)]
    assert any((a != b).any() for a, b in zip(first[0], first[1], strict=True))
    for a, b in zip(first[0], first[2], strict=True):
        np.testing.assert_array_equal(a, b)
