"""Whole searches: a teacher that is trained first, and students of a few hundred weights."""

import json

import pytest
from tiny_run import tiny_run, with_changes

optuna = pytest.importorskip("optuna", reason="optuna is not installed: keras-kd[search]")

from keras_kd.models.lite_speed import lite_content  # noqa: E402
from keras_kd.run.search import bench, spaces, story, study  # noqa: E402
from keras_kd.run.search.story import Asked, Limits, search  # noqa: E402

ASKED = Asked(Limits(bytes=20_000, latency_ms=1000), formats=("float32",), length="10 steps")


def write(student, path, format, representative, class_names):
    """A file of as many bytes and operations as the real one, in less time."""
    assert representative.shape[1:] == student.input_shape[1:] and len(class_names) == 10
    path.write_bytes(lite_content(student, integers=format != "float32"))


class Narrow:
    """A space of one number: the width, of which the larger half is outside the budget."""

    LEAST_SIDE = 8

    @staticmethod
    def draw(trial, given):
        return {**given.kwargs, "width": trial.suggest_float("width", 0.1, 0.9, step=0.2)}


@pytest.fixture(autouse=True, scope="module")
def narrow():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spaces, "get", lambda name: Narrow)
        for module in (bench, story):
            patch.setattr(module, "LOOKS", 2)  # each costs a graph or two
        patch.setitem(bench.REFERENCE, "input_shape", (8, 8, 3))
        yield


def rows(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search") / "study"
    return search(tiny_run(4), folder, write, ASKED, trials=3), folder


def test_files_are_measured_before_anything_is_trained(searched):
    found, folder = searched
    for row in rows(folder):
        file = row["files"]["float32"]
        fits = file["bytes"] <= 20_000
        assert fits == (row["ended"] != "outside bytes") == bool(row["curve"])
        assert 0 < file["low"] <= file["ms"] <= file["high"]
        assert file["bytes"] > 4 * 16 * row["student"]["kwargs"]["width"]
    assert {row["ended"] for row in rows(folder)} >= {"outside bytes", "tried to its end"}
    assert found["front"] and str(folder) in found["chosen"]


def test_students_are_compared_on_training_images_held_out(searched):
    """13 of 64: agreements are whole thirteenths."""
    _, folder = searched
    curves = [row["curve"] for row in rows(folder) if row["curve"]]
    assert all(len(curve) == 2 for curve in curves)
    assert all(13 * one == pytest.approx(round(13 * one)) for curve in curves for one in curve)


@pytest.mark.slow
def test_a_search_that_was_stopped_goes_on(searched, tmp_path, monkeypatch):
    """In its second trial: the same students in the end; the teacher is not trained again."""
    _, folder = searched
    asked = []

    def stops(*args, **kwargs):
        asked.append(args)
        if len(asked) == 2:
            raise KeyboardInterrupt
        write(*args, **kwargs)

    with pytest.raises(KeyboardInterrupt):
        search(tiny_run(4), tmp_path, stops, ASKED, trials=3)
    teacher = (tmp_path / "run" / "teacher.keras").stat().st_mtime_ns
    monkeypatch.setattr(study, "is_gone", lambda pid: True)
    search(tiny_run(4), tmp_path, write, ASKED, trials=3)
    assert (tmp_path / "run" / "teacher.keras").stat().st_mtime_ns == teacher
    students, others = ([row["student"] for row in rows(one)] for one in (folder, tmp_path))
    assert students == others


@pytest.mark.parametrize(("changes", "words"), [
    ({"distil.teachers": (), "distil.methods": {}, "distil.label_weight": 1.0},
     r"stage 'distil' without teachers"),
    ({"budget.minutes": 10.0}, r"config\.budget\.minutes=10\. Set it to 0"),
])  # fmt: skip
def test_configs_that_cannot_be_searched(changes, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        search(with_changes(tiny_run(4), changes), tmp_path, write, ASKED)


def test_no_length(tmp_path):
    with pytest.raises(ValueError, match=r"^--length: .*Received"):
        search(tiny_run(4), tmp_path, write, Asked(length="long"))


@pytest.mark.parametrize("limits", [Limits(bytes=0), Limits(bytes=float("nan"))])
def test_no_budget(limits, tmp_path):
    with pytest.raises(ValueError, match=r"--bytes must be a number above 0\. Received: --bytes="):
        search(tiny_run(4), tmp_path, write, Asked(limits))
