"""A whole run of so many minutes, on a tiny folder; it fits into fewer seconds than it may take."""

import functools
import json

import pytest
from image_files import class_folder

from keras_kd.configs import photos
from keras_kd.run import run, story
from keras_kd.run.budget import choice, settled, trials
from keras_kd.run.budget.choice import Speed


@pytest.mark.slow
def test_a_folder_becomes_a_student_and_a_restart_finds_it_done(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(choice, "LADDER", choice.LADDER[:1])
    monkeypatch.setattr(choice, "LEAST_STEPS", 4)
    # However busy the machine is, planning takes no time here; and networks are so slow that there
    # is time for some ten steps.
    monkeypatch.setattr(story, "settled", functools.partial(settled, clock=lambda: 0.0))
    monkeypatch.setattr(trials, "student_speed", lambda run: Speed(1.0, 1.5))
    monkeypatch.setattr(trials, "teacher_speed", lambda run: (Speed(1.0, 4.0, 1e-3), "graph"))
    class_folder(tmp_path / "images", count=25)
    config = photos.get_config("images,minutes=2.3")
    report = run(config, tmp_path / "run")
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    steps = report["train"]["steps"]
    assert 4 <= steps < 40 and plan["values"]["distil.total"] == f"{steps} steps"
    assert report["stages"]["baseline"]["steps"] == steps
    assert report["data"]["train_images"] == 40 and (tmp_path / "run" / "student.keras").exists()
    lines = []
    monkeypatch.setattr(trials, "student_speed", None)  # nothing is timed again
    assert run(config, tmp_path / "run", progress=lines.append) == report
    assert any("holds a finished run" in line for line in lines)
    assert plan["lines"][0] in lines
