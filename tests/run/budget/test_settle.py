"""From minutes to a config: what is chosen, kept, and refused; times are made up."""

import json
from types import SimpleNamespace

import keras
import pytest
from image_files import class_folder

from keras_kd.config import base, check
from keras_kd.run import networks, preview
from keras_kd.run.budget import choice, settled, trials
from keras_kd.run.budget.choice import Speed


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """Trials that take no time but 5 s of the clock, and find times by the rungs' work."""
    clock, clock.trials, clock.slow = Clock(), [], 1.0

    def student_speed(run):
        clock.now += 5
        side = run.config.data.resolution
        clock.trials.append((run.config.student.model.name, side))
        return Speed(5.0, clock.slow * run.config.batch_size * 1e-3 * (side / 32) ** 2)

    def teacher_speed(run):
        clock.now += 5
        side = run.config.data.teacher_resolution
        trains = run.config.batch_size * 5e-3 if len(run.stages) > 1 else 0.0
        clock.trials.append(("teacher", side))
        return Speed(10.0, trains * (side / 32) ** 2, 1e-3 * (side / 32) ** 2), "graph"

    monkeypatch.setattr(trials, "student_speed", student_speed)
    monkeypatch.setattr(trials, "teacher_speed", teacher_speed)
    return clock


@pytest.fixture
def config(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    config = base()
    config.data.source = f"folder:{class_folder(tmp_path / 'images', count=60)}"
    config.budget.minutes = 10.0
    return config


def test_without_minutes_nothing_changes(config, tmp_path):
    config.budget.minutes = 0.0
    assert settled(config, tmp_path / "run") is config
    config.budget.update(minutes=10.0, settled=True)
    assert settled(config, tmp_path / "run") is config and not (tmp_path / "run").exists()


def test_the_plan_fills_the_minutes_and_is_a_valid_config(config, tmp_path, clock, caplog):
    caplog.set_level("INFO", "keras_kd")
    found = settled(config, tmp_path / "run", clock)
    check(found)
    assert found.budget.settled and found.data.resolution == 32 and found.batch_size == 8
    assert found.student.model.name == "resnet" and found.distil.total == found.baseline.total
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert sum(plan["seconds"].values()) == pytest.approx(600, abs=2)
    assert plan["lines"] == [r.message for r in caplog.records if r.message in plan["lines"]]
    assert len(plan["lines"]) == 10
    assert (
        "so resnet starts from nothing" in plan["lines"][2]
    )  # no weights were found, and it says so
    assert not config.budget.settled  # the caller's is left alone


def test_a_restart_goes_on_with_the_plan_however_fast_the_machine_is(config, tmp_path, clock):
    first = settled(config, tmp_path, clock)
    tried = list(clock.trials)
    clock.now += 10**6
    assert settled(config, tmp_path, clock) == first and clock.trials == tried
    # Other minutes: another plan, unless a run has begun, whose config is then compared.
    config.budget.minutes = 20.0
    second = settled(config, tmp_path, clock)
    assert clock.trials != tried and second.distil.total != first.distil.total
    (tmp_path / "checkpoints").mkdir()
    config.budget.minutes = 10.0
    assert settled(config, tmp_path, clock).distil.total == second.distil.total


def test_the_student_climbs_with_the_minutes(config, clock, monkeypatch):
    monkeypatch.setattr(choice, "students", lambda short: list(choice.LADDER))
    found, clock.slow = {}, 20.0
    for minutes in (4, 30, 600):
        clock.trials.clear()
        config.budget.minutes = minutes
        planned = settled(config, None, clock)
        found[minutes] = planned.data.resolution
        tried = [one for one in clock.trials if one[0] != "teacher"]
        assert 1 <= len(tried) <= 4 and len(set(tried)) == len(tried)
        assert (planned.student.model.name, planned.data.resolution) == tried[-1]
        assert planned.data.teacher_resolution >= planned.data.resolution
    assert found[4] < found[30] < found[600]


def test_more_minutes_are_longer_runs(config, clock):
    steps = []
    for minutes in (5, 10, 60, 600):
        config.budget.minutes = minutes
        found = settled(config, None, clock)
        steps.append(int(found.distil.total.split()[0]))
    assert steps == sorted(steps) and len(set(steps)) == 4
    assert found.distil.mode == "mix"


def test_too_few_minutes_say_how_many_are_needed(config, clock):
    config.budget.minutes = 0.5
    with pytest.raises(ValueError, match=r"budget\.minutes must be at least (\d+) ") as refused:
        settled(config, None, clock)
    needed = int(str(refused.value).split("at least ")[1].split()[0])
    config.budget.minutes = float(needed)
    assert int(settled(config, None, clock).distil.total.split()[0]) >= choice.LEAST_STEPS


def test_a_teacher_that_has_learned_is_not_trained(config, clock):
    config.teacher.handle = "hub:somewhere"
    found = settled(config, None, clock)
    assert found.teacher.train.total == base().teacher.train.total
    assert clock.trials[0] == ("teacher", 32)


def test_a_student_that_is_named_is_taken(config, clock):
    config.student.model = {"name": "resnet", "kwargs": {"depth": 20}}
    config.data.resolution = 24
    found = settled(config, None, clock)
    assert found.student.model.kwargs.depth == 20 and found.data.resolution == 24


def test_a_teacher_network_that_is_named_is_trained(config, clock, caplog):
    caplog.set_level("INFO", "keras_kd")
    config.teacher.model = {"name": "resnet", "kwargs": {"depth": 8}}
    found = settled(config, None, clock)
    assert found.teacher.model.kwargs.to_dict() == {"depth": 8}
    assert "so resnet starts from nothing" in caplog.text


def test_who_prolongs_a_run_says_how_long(config, tmp_path, clock):
    settled(config, tmp_path, clock)
    (tmp_path / "checkpoints").mkdir()
    config.distil.update(prolong="stretch", total="123456 steps")
    assert settled(config, tmp_path, clock).distil.total == "123456 steps"


def test_other_stages_are_refused(config, clock):
    config.stages = ("teacher", "distil")
    with pytest.raises(ValueError, match=r"plans the stages teacher, baseline, distil.*Received"):
        settled(config, None, clock)


def test_several_workers_are_refused(config, clock, monkeypatch):
    task = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(task))
    with pytest.raises(ValueError, match=r"plans a run of one worker.* with 2 workers"):
        settled(config, None, clock)


def test_a_student_that_starts_from_a_file_brings_its_network_and_size(config, tmp_path, clock):
    inputs = keras.Input((24, 24, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    keras.Model(inputs, keras.layers.Dense(5)(x)).save(tmp_path / "small.keras")
    config.student.init = str(tmp_path / "small.keras")
    found = settled(config, None, clock)
    check(found)
    assert found.student.init == str(tmp_path / "small.keras") and not found.student.model.name
    assert found.data.resolution == 24 and ("", 24) in clock.trials
    student = networks.build(found, "student", SimpleNamespace(num_classes=2, channels=3))
    assert student.input_shape == (None, 24, 24, 3) and student.output_shape == (None, 2)


def test_a_preview_goes_by_the_plan_that_is_kept_and_leaves_none(config, tmp_path, clock):
    sheet, workdir = tmp_path / "sheet.png", tmp_path / "run"
    preview(config, sheet, workdir)
    assert not workdir.exists() and clock.trials
    settled(config, workdir, clock)
    plan = json.loads((workdir / "plan.json").read_text())
    plan["values"].update({"data.resolution": 17, "data.teacher_resolution": 19, "batch_size": 6})
    (workdir / "plan.json").write_text(json.dumps(plan))
    before = list(clock.trials)
    preview(config, sheet, workdir)
    assert clock.trials == before and json.loads((workdir / "plan.json").read_text()) == plan
    small = sheet.read_bytes()
    preview(config, sheet, workdir)
    assert sheet.read_bytes() == small  # and what differs below does so by the plan alone
    plan["values"].update({"data.resolution": 170, "data.teacher_resolution": 190})
    (workdir / "plan.json").write_text(json.dumps(plan))
    preview(config, sheet, workdir)
    assert sheet.read_bytes() != small and clock.trials == before
