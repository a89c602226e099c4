"""The best compromises of trials whose numbers are known, and how they are told."""

from types import SimpleNamespace

import pytest
from tiny_run import tiny_run

optuna = pytest.importorskip("optuna", reason="optuna is not installed: keras-kd[search]")

from keras_kd import config as configs  # noqa: E402
from keras_kd.run.search import choice  # noqa: E402
from keras_kd.run.search.story import Asked, Limits  # noqa: E402


def trial(number, agreement, ms, size, **attrs):
    proposal = {"name": "resnet", "kwargs": {"depth": 8, "width": [0.25, 0.25, 1 / 3]}, "side": 8}
    file = {"bytes": size, "ms": ms, "low": ms - 0.1, "high": ms + 0.1}
    return SimpleNamespace(
        number=number,
        values=None if agreement is None else (agreement, ms, size),
        user_attrs={"proposal": proposal, "files": {"int8": file}, **attrs},
        constraints=attrs.get("excess", {}),
    )


TRIALS = [
    trial(0, 0.9, 2.0, 2000, accuracy=0.85),
    trial(1, 0.9, 2.0, 2100),  # larger than 0
    trial(2, 0.8, 1.0, 3000),  # faster than 0
    trial(3, 0.7, 3.0, 1000),  # smaller than 0
    trial(4, 0.8, 1.0, 3000),  # as good as 2
    trial(5, 0.79, 1.0, 3000),
]
OUTSIDE = [
    trial(6, None, 9.0, 9000, excess={"bytes": 2.0, "latency_ms": 1.0}),
    trial(7, None, 3.0, 3456, excess={"bytes": 0.15, "latency_ms": -0.5}),
]


class Bench:
    count = 40

    def __init__(self, folder):
        self.folder = folder

    def chosen(self, proposal):
        config = tiny_run()
        config.student.model = {"name": proposal.name, "kwargs": proposal.kwargs}
        config.data.resolution = proposal.side
        return config


def test_front():
    assert [one.number for one in choice.front(TRIALS)] == [0, 2, 4, 3]


def test_all_that_is_written(tmp_path):
    asked = Asked(Limits(bytes=3000))
    found = choice.write_all([*TRIALS, *OUTSIDE], Bench(tmp_path), asked)
    first = found["table"].splitlines()[2]
    assert "resnet(depth=8, width=[0.25, 0.25, 0.333]) at 8 px" in first
    assert "90.0 %" in first and "85.0 %" in first and "1.9 to 2.1 ms" in first
    assert [row["trial"] for row in found["front"]] == [0, 2, 3, 4]
    assert (tmp_path / "pareto.png").read_bytes().startswith(b"\x89PNG")
    space = {}
    exec((tmp_path / "chosen.py").read_text(), space)
    config = space["get_config"]()
    configs.check(config)
    assert config.student.model.kwargs.width == [0.25, 0.25, 1 / 3]
    assert config.export.formats == ("all",)  # a tuple, as the command line takes one
    assert "3 students that fit" not in space["__doc__"] and "6 students" in space["__doc__"]


def test_a_budget_that_no_student_meets():
    with pytest.raises(ValueError, match=r"bytes=3000, --latency_ms=6; the nearest of 2 students, "
                       r"resnet.*needs 3,456 bytes and 3 ms"):  # fmt: skip
        choice.write_all(OUTSIDE, Bench(None), Asked(Limits(3000, 6)))


def test_no_student_could_be_built():
    refused = trial(8, None, 0, 0, why="refused: no channel.")
    del refused.user_attrs["files"]
    with pytest.raises(ValueError, match=r"of 1\. Received: resnet.*refused: no channel\. Search"):
        choice.write_all([refused], Bench(None), Asked())
