"""A student of another modality: what it sees in training, evaluation, exports and later stages."""

import json

import keras
import numpy as np
import pytest
from tiny_run import tiny_run
from tiny_stage import arrays_of, stop_after

from keras_kd.config import check, network, stage
from keras_kd.data import evaluation_dataset
from keras_kd.data.modality import Modality
from keras_kd.evaluation import fidelity
from keras_kd.export.material import Material
from keras_kd.run import Experiment, Finished, run
from keras_kd.run.teach import teach

STEPS = 4
VIEW = "edges:2"


def tiny(**changes):
    return tiny_run(STEPS, **{"xla": "off", "data.student_view": VIEW, **changes})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "whole"
    return run(tiny(), workdir), workdir


def test_each_is_evaluated_on_its_own_modality(finished):
    report, workdir = finished
    teacher, student = (keras.models.load_model(workdir / f"{name}.keras")
                        for name in ("teacher", "student"))  # fmt: skip
    images, labels = next(iter(evaluation_dataset("digits", "test[:50]", 50, 8, full_image=True)))
    seen = np.stack([Modality.parse(VIEW).apply(image) for image in images])
    for model, x, name in ((teacher, images, "teacher"), (student, seen, "student")):
        found = (np.asarray(model(x)).argmax(-1) == np.asarray(labels)).mean()
        assert found == pytest.approx(report[name]["accuracy"]), name
    both = [({"student": seen, "teacher": images}, labels)]
    assert fidelity(student, teacher, both)["kl"] == pytest.approx(
        report["fidelity"]["kl"], rel=1e-3
    )


def test_what_leaves_tells_the_modality(finished):
    _, workdir = finished
    material = Material(workdir)
    assert material.view == VIEW
    images, _ = next(iter(material.test_images))
    want = next(iter(Finished(workdir).evaluation_images(teacher=True)))[0]
    np.testing.assert_array_equal(images, want["student"])
    calibration = next(iter(material.calibration_images))
    assert calibration.min() == -1 and not np.allclose(
        calibration, want["teacher"][0].numpy()[None]
    )


@pytest.mark.slow
def test_stopped_and_cached_it_ends_the_same(finished, tmp_path, monkeypatch):
    _, whole = finished
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, STEPS // 2)
        run(tiny(**{"baseline.enabled": False, "teacher.handle": str(whole / "teacher.keras")}),
            tmp_path / "halves")  # fmt: skip
    config = tiny(**{"baseline.enabled": False, "teacher.handle": str(whole / "teacher.keras")})
    run(config, tmp_path / "halves")
    # Targets do not depend on the student's modality: they are computed without.
    plain = config.copy_and_resolve_references()
    plain.data.student_view = ""
    config.teacher_cache = teach(plain, tmp_path / "teach", dtype="float32")["path"]
    run(config, tmp_path / "cached")
    a, b, c = (arrays_of(folder / "checkpoints" / "distil" / f"step_{STEPS:08d}.npz")
               for folder in (whole, tmp_path / "halves", tmp_path / "cached"))  # fmt: skip
    for key, value in a.items():
        np.testing.assert_array_equal(value, b[key], err_msg=key)
        np.testing.assert_allclose(value, c[key], atol=1e-6, err_msg=key)


def test_a_later_generation_follows_in_the_students_modality():
    config = tiny()
    config.again = stage(teachers=("distil",), methods={"soft_targets": {}}, label_weight=0.0)
    config.stages = ("teacher", "distil", "again")
    check(config)
    experiment = Experiment(config)
    stages = experiment.stages
    x = [next(iter(experiment.streams.of(one).train(0, 1)[0]))[0] for one in stages]
    assert not isinstance(x[0], dict) and set(x[1]) == {"student", "teacher"}
    assert not isinstance(x[2], dict)  # both see the same tensor
    assert float(np.min(x[2])) == -1.0
    config.again.teachers = ("teacher", "distil")
    with pytest.raises(ValueError, match=r"see one modality\. Received: teacher, who only teach"):
        check(config)


def test_a_text_that_is_none_is_refused_by_its_key():
    with pytest.raises(ValueError, match=r"config\.data\.student_view must hold ops that make"):
        check(tiny(**{"data.student_view": "flip"}))
    config = tiny()
    config.other = network("resnet", depth=8)
    check(config)
    assert json.loads(config.to_json_best_effort())["data"]["student_view"] == VIEW
