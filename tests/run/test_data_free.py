"""A run without an image: its student learns from what a generator makes, and all is told."""

import keras
import numpy as np
import pytest
from tiny_run import tiny_run
from tiny_stage import TIMINGS, arrays_of, assert_same, stop_after

import keras_kd
from keras_kd.config import check, stage
from keras_kd.data.digits import Digits
from keras_kd.export.material import Material
from keras_kd.export.report import render
from keras_kd.run import made, run
from keras_kd.run.story import preview
from keras_kd.training.log import logged

STEPS = 4
SEEN = {"data.source": "digits", "data.eval_source": ""}
LAST = f"checkpoints/distil/step_{STEPS:08d}.npz"


def data_free(teacher):
    config = tiny_run(STEPS, xla="off")
    config.stages = ("distil",)
    config.checkpoint.every = "1 steps"
    config.data.update(source="none:10,8,1", eval_source="digits", train_split="train")
    config.teacher.handle, config.teacher.accept = str(teacher), True  # it has learned nothing
    config.distil.update(mode="same/ic", label_weight=0.0)
    config.distil.methods = {"deep_inversion": {"width": 4, "noise": 6, "steps": 2},
                             "soft_targets": {}}  # fmt: skip
    config.distil.optimizers.generator = {"optimizer": "adam", "weight_decay": 0.0}
    return config


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    keras.utils.set_random_seed(1)
    path = tmp_path_factory.mktemp("teacher") / "teacher.keras"
    keras_kd.models.resnet(
        depth=8, width=0.25, num_classes=10, input_shape=(8, 8, 1), norm="batch"
    ).save(path)
    return path


@pytest.fixture(scope="module")
def finished(teacher, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "data_free"
    with pytest.MonkeyPatch.context() as patch:
        examples = Digits._examples

        def refuse(self, parts, what):
            assert {name for name, *_ in parts} == {"test"}, "an image to train on was read"
            return examples(self, parts, what)

        patch.setattr(Digits, "_examples", refuse)
        report = run(data_free(teacher), workdir)
    return report, workdir


def outcome(workdir):
    entries = logged(workdir / "metrics.jsonl", "distil")
    kept = [{k: v for k, v in e.items() if k not in TIMINGS} for e in entries]
    return arrays_of(workdir / LAST), kept


def test_no_image_of_the_data_is_read_and_the_student_is_measured(finished):
    report, workdir = finished
    assert 0 <= report["student"]["accuracy"] <= 1 and report["fidelity"]["agreement"] <= 1
    entry = logged(workdir / "metrics.jsonl", "distil")[-1]
    assert {"loss", "deep_inversion", "generator_loss", "soft_targets"} <= set(entry)
    arrays = arrays_of(workdir / LAST)
    assert arrays["optimizer/generator/iteration"] == 2 * STEPS
    assert arrays["optimizer/student/iteration"] == STEPS


@pytest.mark.slow  # each scheme alone goes on to the bit in tests/methods/test_data_free.py
def test_a_run_that_is_killed_ends_with_the_bits_of_one_that_was_not(finished, teacher, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, step=3)  # between two intervals
        with pytest.raises(KeyboardInterrupt):
            run(data_free(teacher), tmp_path)
    run(data_free(teacher), tmp_path)
    assert_same(outcome(tmp_path), outcome(finished[1]))


def test_files_are_calibrated_on_what_was_made_and_the_report_shows_it(finished):
    workdir = finished[1]
    images = made.load(workdir)
    assert images.shape == (made.COUNT, 8, 8, 1) and np.abs(images).max() <= 1.0
    used = np.concatenate(list(Material(workdir).calibration_images))
    np.testing.assert_array_equal(used, images[: len(used)])
    page = render(workdir).read_text(encoding="utf-8")
    assert "What the student learned from" in page and page.count("of the generator") == 64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data.eval_source": ""}, r"data\.eval_source must be the data set of the teacher's"),
        ({**SEEN, "distil.label_weight": 0.5}, r"distil\.label_weight must be 0: nobody knows"),
        ({"distil.mode": "fix/rs"}, r"distil\.mode must be one in which the teacher runs"),
        ({"teacher_cache": "somewhere"}, r"teacher_cache must be empty: "),
        ({"distil.methods": {"soft_targets": {}}}, r"data\.source must be a source of images"),
    ],
)
def test_what_does_not_go_with_made_images_is_refused(changes, message):
    config = data_free("teacher.keras")
    config.update_from_flattened_dict(changes)
    with pytest.raises(ValueError, match=message):
        check(config)


@pytest.mark.slow
def test_a_student_that_sees_data_afterwards_is_not_calibrated_on_what_was_made(teacher, tmp_path):
    config = data_free(teacher)
    config.data.update(source="digits", eval_source="", train_split="train[:64]")
    short = {"total": "2 steps", "interval": "2 steps", "warmup": "1 steps"}
    config.distil.update(short)
    config.again = stage(teachers=("distil",), methods={"soft_targets": {}}, label_weight=0.0,
                         **short)  # fmt: skip
    config.stages = ("distil", "again")
    run(config, tmp_path)
    assert made.load(tmp_path) is None
    assert "What the student learned from" not in render(tmp_path).read_text(encoding="utf-8")


def test_there_is_nothing_to_preview(teacher, tmp_path):
    with pytest.raises(ValueError, match=r"--preview draws images .*'distil'.*Train it"):
        preview(data_free(teacher), tmp_path / "x.png")


def test_images_of_another_run_are_none(tmp_path):
    assert made.load(tmp_path) is None
    (tmp_path / made.FILE).write_bytes(b"none")
    with pytest.raises(ValueError, match="which is damaged"):
        made.load(tmp_path)
