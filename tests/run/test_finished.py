"""A run that is there: what it gives, at which steps, and what a folder lacks."""

import pytest
from tiny_run import tiny_run as tiny

from keras_kd.run import Finished
from keras_kd.run.finished import chosen_files
from keras_kd.run.workdir import Workdir

FILES = {2: "two", 3: "three", 6: "six"}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [("", []), ("all", [2, 3, 6]), (" all ", [2, 3, 6]), ("6,2,6", [2, 6]), ("3", [3])],
)
def test_steps_have_their_files(steps, expected):
    assert chosen_files(steps, FILES) == {step: FILES[step] for step in expected}


@pytest.mark.parametrize(
    ("steps", "files", "message"),
    [
        ("5", FILES, r"a checkpoint: 2, 3, 6\. Received: --steps=5\."),
        ("two", FILES, "Received: --steps=two"),
        ("all", {}, "a checkpoint: none"),
    ],
)
def test_other_steps_are_refused(steps, files, message):
    with pytest.raises(ValueError, match=message):
        chosen_files(steps, files)


def test_a_finished_run_gives_both_networks_and_its_classes(finished_run):
    report, workdir = finished_run
    opened = Finished(workdir)
    assert opened.report == report and opened.class_names == list("0123456789")
    assert opened.load_student().count_params() == report["student"]["parameters"]
    teacher = opened.load_teacher(1)
    assert teacher.count_params() == report["teacher"]["parameters"]
    assert not teacher.trainable_variables


def test_a_run_that_is_not_finished_says_what_to_do(tmp_path):
    Workdir(tmp_path, tiny())
    opened = Finished(tmp_path)
    with pytest.raises(ValueError, match=r"not finished\. Start keras-kd-train on it .*stopped\.$"):
        opened.load_student()
    with pytest.raises(ValueError, match=r"leaves teacher\.keras\. Received: .* until the teacher"):
        opened.load_teacher(1)
    config = tiny()
    config.stages = ("baseline",)
    Workdir(tmp_path / "alone", config)
    with pytest.raises(ValueError, match="'baseline' learns from labels alone"):
        Finished(tmp_path / "alone").load_teacher(1)
