"""Files timed in turns, and the note where integers are slower."""

import pytest

from keras_kd.export import latency


def row(name, median, threads=1, xnnpack=True):
    return {"format": name, "median_ms": median, "threads": threads, "xnnpack": xnnpack}


def test_every_way_is_timed(exported, monkeypatch):
    monkeypatch.setattr(latency.processors, "usable", lambda: 2)
    found = latency.measured({name: exported(name)[0] for name in ("float32", "int8")})
    ways = [(one["format"], one["threads"], one["xnnpack"]) for one in found["rows"]]
    assert ways == [(name, threads, kernels) for name in ("float32", "int8")
                    for threads in (1, 2) for kernels in (True, False)]  # fmt: skip
    assert all(0 < one["low_ms"] <= one["median_ms"] <= one["p90_ms"] for one in found["rows"])
    assert found["processor"] and len(list(latency.lines(found))) >= 9
    assert latency.way(found["rows"][3]) == "2 threads, XNNPACK off"


def test_nothing_is_timed_where_nothing_is_for_devices():
    assert latency.measured({})["rows"] == []


@pytest.mark.parametrize(
    ("integers", "instructions", "words"),
    [(2.0, [], "no instruction that multiplies int8"), (2.0, ["AMX"], "processor has AMX"),
     (1.0, [], ""), (0.5, ["AMX"], "")],
)  # fmt: skip
def test_integers_that_are_slower_are_explained(integers, instructions, words):
    rows = [row("float32", 1.0), row("int8", integers), row("int8", 9.0, xnnpack=False)]
    told = latency.note(rows, instructions)
    assert (words in told) if words else told == ""
    assert latency.note(rows[:1], []) == ""


def test_an_export_leaves_them_in_the_report(finished_run, student_of_run):
    import json

    from keras_kd.export import export, render

    export(finished_run, ["float32"])
    report = json.loads((finished_run / "report.json").read_text())
    assert report["exports"]["float32"]["latency_ms"] > 0
    assert {one["format"] for one in report["latency"]["rows"]} == {"float32"}
    assert "Latency on this machine" in render(finished_run).read_text()
