"""Stages whose networks go on where earlier ones stopped, and teachers that learned beside one."""

import keras
import numpy as np
import pytest
from tiny_run import tiny_run, with_changes
from tiny_stage import arrays_of, assert_same, stop_after

from keras_kd import config as configs
from keras_kd.config import network, stage
from keras_kd.run import Experiment, Finished, run
from keras_kd.run.dry_run import dry_run

STEPS = 4
LAST = f"checkpoints/tutoring/step_{STEPS:08d}.npz"


def studied(**changes):
    """Self-study, co-study and tutoring, in floats: a student, and a teacher that learns on."""
    config = tiny_run(STEPS, xla="off")
    config.checkpoint.every = "1 steps"
    short = {"total": f"{STEPS} steps", "interval": f"{STEPS // 2} steps", "warmup": "1 steps"}
    config.beside = network("continued", of="baseline")
    config.tutor = network("continued", of="teacher")
    mutual = {"mutual_learning": {"source": ("tutor",)}}
    config.co_study = stage(network="beside", learners=("tutor",), methods=mutual, **short)
    config.tutored = network("continued", of="co_study")
    soft = {"soft_targets": {"temperature": 1.0}}
    config.tutoring = stage(
        network="tutored", teachers=("tutor",), methods=soft, label_weight=0.0, **short
    )
    config.stages = ("teacher", "baseline", "co_study", "tutoring")
    return with_changes(config, changes)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "studied"
    return run(studied(), workdir), workdir


def test_each_goes_on_where_the_stage_before_left_it(finished):
    """The network of a stage before its first step is the one of the stage that it names."""
    report, workdir = finished
    experiment = Experiment(studied(), workdir)
    _, _, together, tutoring = experiment.stages
    experiment.train_teachers(together)  # from their files
    experiment.train_teachers(tutoring)
    for name, made in (
        ("teacher", experiment.further_learners(together)["tutor"]),
        ("baseline", experiment.learner(together)[0]),
        ("co_study", experiment.learner(tutoring, experiment.teacher(tutoring))[0]),
    ):
        learned = keras.saving.load_model(workdir / f"{name}.keras", compile=False)
        for a, b in zip(made.get_weights(), learned.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert made.trainable_variables
    assert report["stages"]["tutoring"]["teachers"] == ["tutor"]


def test_the_tutor_has_learned_beside_the_student(finished):
    _, workdir = finished
    tutor, teacher = (
        keras.saving.load_model(workdir / f"{name}.keras", compile=False)
        for name in ("tutor", "teacher")
    )
    before, after = teacher.get_weights(), tutor.get_weights()
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    images = next(iter(Finished(workdir).evaluation_images()))[0]
    taught_by = Finished(workdir).load_teacher(1)
    np.testing.assert_allclose(taught_by(images), tutor(images), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["co_study", "tutoring"])
def test_a_run_that_is_killed_ends_with_the_bits_of_one_that_was_not(finished, tmp_path, stage):
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, step=3, stage=stage)
        with pytest.raises(KeyboardInterrupt):
            run(studied(), tmp_path)
    run(studied(), tmp_path)
    found, expected = arrays_of(tmp_path / LAST), arrays_of(finished[1] / LAST)
    assert_same((found, None), (expected, None))


@pytest.mark.slow
def test_a_dry_run_takes_the_steps():
    found = dry_run(studied(), tiny=True)
    assert set(found["stages"]) == {"teacher.train", "baseline", "co_study", "tutoring"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tutor.model.kwargs": {}}, r"config\.tutor\.model\.kwargs\.of must name.*'tutor'"),
        ({"tutor.model.kwargs.of": "tutoring"}, r"tutor\.model\.kwargs\.of must be earlier"),
        ({"stages": ("teacher", "baseline", "tutoring", "co_study"),
          "tutored.model.kwargs.of": "baseline"}, r"learned before 'tutoring'.*'co_study'"),
        ({"baseline.learners": ("tutor",)}, r"learn in one stage alone.*'tutor'"),
        ({"co_study.enabled": False}, r"kwargs\.of must be enabled|teachers must have learned"),
    ],
)  # fmt: skip
def test_mistakes_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        configs.check(studied(**changes))
