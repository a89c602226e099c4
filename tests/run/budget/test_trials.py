"""Timed steps of real, tiny networks, that leave nothing behind."""

import pytest
from tiny_run import tiny_run

from keras_kd.data import load_source
from keras_kd.run.budget import trials

SOURCES = (load_source("digits"), None)


def test_a_student_is_timed_and_forgotten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = tiny_run()
    run = trials.trial(config, SOURCES, ("baseline",), data={"resolution": 12})
    speed = trials.student_speed(run)
    assert speed.first > speed.step > 0 and speed.view == 0
    assert run.config.data.resolution == 12 and config.data.resolution == 8
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("trains", [True, False])
def test_a_teacher_is_timed_as_learner_and_as_teacher(tmp_path, trains):
    config = tiny_run()
    config.teacher.engine = "graph"
    if not trains:
        run = trials.trial(config, SOURCES, ("teacher", "distil"))
        network, _ = run.learner(run.stages[0])
        network.save(tmp_path / "teacher.keras")
        config.teacher.handle = str(tmp_path / "teacher.keras")
    stages = ("teacher", "distil") if trains else ("distil",)
    speed, engine = trials.teacher_speed(trials.trial(config, SOURCES, stages))
    assert engine == "graph"
    assert speed.ready > speed.view > 0 and (speed.step > 0) == (speed.first > 0) == trains
