"""The log of a run: what is written, what a resumed run forgets, and what a killed one left."""

from types import SimpleNamespace

import pytest
from stoppable_stage import train
from tiny_stage import (
    assert_same,
    outcome,
)

from keras_kd.training import log as metrics_log
from keras_kd.training.checkpoints import Checkpoints
from keras_kd.training.log import Log, forget_after, logged

LINES = (
    '{"stage": "teacher", "step": 6, "loss": 1.0}',
    '{"stage": "distil", "step": 3, "loss": 2.0}',
    '{"stage": "distil", "step": 6, "loss": 1.5}',
)


@pytest.fixture
def path(tmp_path):
    """A log whose last line was being written when the run was killed."""
    (tmp_path / "metrics.jsonl").write_text("\n".join([*LINES, '{"stage": "distil", "st']))
    return tmp_path / "metrics.jsonl"


def test_whole_lines_are_read(path, tmp_path):
    assert [(entry["stage"], entry["step"]) for entry in logged(path)] == [
        ("teacher", 6), ("distil", 3), ("distil", 6)
    ]  # fmt: skip
    assert [entry["loss"] for entry in logged(path, "distil")] == [2.0, 1.5]
    assert logged(tmp_path / "none.jsonl") == []


@pytest.mark.parametrize(("step", "kept"), [(6, 3), (5, 2), (0, 1)])
def test_only_this_stages_later_lines_are_forgotten(path, tmp_path, step, kept):
    forget_after(path, "distil", step)
    assert path.read_text() == "".join(f"{line}\n" for line in LINES[:kept])
    forget_after(tmp_path / "none.jsonl", "distil", step)
    assert not (tmp_path / "none.jsonl").exists()


def test_the_best_is_the_first_of_equals_and_may_be_missing(tmp_path):
    clock = SimpleNamespace(step=0, at_end=True)
    log = Log(tmp_path, "distil", 8, clock, writes=False)
    assert log.best_step is None and not log.lacks_interval
    log.entries = [
        {"step": 1},
        *({"step": s, "val_accuracy": a} for s, a in ((2, 0.5), (3, 0.7), (4, 0.7))),
    ]
    assert log.best_step == 3
    clock.step = 5
    assert log.lacks_interval
    clock.step = 4
    assert not log.lacks_interval and not list(tmp_path.iterdir())


@pytest.mark.parametrize("lost", [1, 2])
def test_going_on_from_an_older_checkpoint_forgets_what_came_after(undisturbed, tmp_path, lost):
    train(tmp_path, keep=5)
    folder = tmp_path / "checkpoints" / "distil"
    (folder / "result.json").unlink()
    kept = Checkpoints(folder)
    for step in kept.steps()[-lost:]:
        kept.path(step).unlink()
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"stage": "distil", "st')  # killed in the middle of a line
    train(tmp_path)
    assert_same(outcome(tmp_path), undisturbed[1])


def test_tensorboards_file_is_closed(tmp_path, monkeypatch):
    closed, close = [], metrics_log.Log.close
    monkeypatch.setattr(
        metrics_log.Log, "close", lambda log: (close(log), closed.append(log.summaries))
    )
    train(tmp_path)
    with pytest.raises(RuntimeError, match="already closed"), closed[0].as_default(step=1):
        pass
