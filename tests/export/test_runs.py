"""Facts of runs side by side, by hand."""

import json

from keras_kd.export import runs
from keras_kd.export.runs_page import shown_runs
from keras_kd.utils.words import DASH


def test_overview(two_runs):
    found = runs.overview(shown_runs(two_runs))
    first, second = found["rows"]
    assert (first["label"], second["label"]) == ("first", "second")
    assert (first["accuracy"], second["accuracy"], first["agreement"]) == (1.0, 0.9, 0.97)
    # Clopper and Pearson of 27 among 30.
    assert second["interval"] == "73.5 to 97.9 %"
    assert (first["format"], first["bytes"], found["most"]) == ("int8", 90000, 90000)
    assert (first["duration"], first["tag"]) == ("1 min 35 s", "digits, small")


def test_trade_offs(two_runs):
    report = json.loads((two_runs[0] / "report.json").read_text())
    # Beaten by the int8 file of the same run in all.
    report["exports"]["float32"] = {"bytes": 300000, "accuracy": 0.99, "latency_ms": 0.3}
    (two_runs[0] / "report.json").write_text(json.dumps(report))
    found = runs.trade_offs(shown_runs(two_runs))
    told = [(row["one"].label, row["format"], row["best"]) for row in found["rows"]]
    assert told == [("first", "int8", ["bytes", "latency_ms"]), ("second", "int8", ["bytes"])]
    assert [title for title, _ in found["figures"]] == [
        "Accuracy against bytes",
        "Accuracy against latency",
    ]
    assert found["note"] == ""


def test_a_file_of_which_the_bytes_are_not_known(two_runs):
    report = json.loads((two_runs[0] / "report.json").read_text())
    for name in ("int8", "float32"):
        report["exports"][name] = {"accuracy": 0.995, "latency_ms": 0.1}
    (two_runs[0] / "report.json").write_text(json.dumps(report))
    rows = runs.trade_offs(shown_runs(two_runs))["rows"]
    assert [(row["one"].label, row["best"]) for row in rows] == [
        ("first", ["latency_ms"]), ("first", ["latency_ms"]), ("second", ["bytes"])
    ]  # fmt: skip


def test_runs_without_files(two_runs):
    for run in two_runs:
        report = json.loads((run / "report.json").read_text())
        (run / "report.json").write_text(json.dumps({**report, "exports": {}}))
        (run / "metrics.jsonl").unlink()
    shown = shown_runs(two_runs)
    assert runs.trade_offs(shown) is None and runs.learning(shown) is None


def test_a_student_of_another_stage_name(two_runs):
    """The last stage of each run is drawn, whatever it is called."""
    lines = [{"stage": "second_pass", "step": step, "loss": 1 / step} for step in (1, 2)]
    (two_runs[1] / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    stages = {"second_pass": {"accuracy": 0.9, "parameters": 1, "teachers": []}}
    report = json.loads((two_runs[1] / "report.json").read_text())
    (two_runs[1] / "report.json").write_text(json.dumps({**report, "stages": stages}))
    found = runs.learning(shown_runs(two_runs))
    assert [label for label, _ in found["legend"]] == ["first", "second"]
    assert "var(--teacher)" in found["figures"][1][1]  # the loss of the second run


def test_configs(two_runs):
    assert runs.configs(shown_runs(two_runs))["rows"] == [("seed", ["0", "7"])]
    config = json.loads((two_runs[1] / "config.json").read_text())
    config["note"] = "x" * 500
    (two_runs[1] / "config.json").write_text(json.dumps({**config, "seed": 0}))
    ((key, values),) = runs.configs(shown_runs(two_runs))["rows"]
    assert key == "note" and values[0] == DASH and len(values[1]) < 130
    (two_runs[0] / "config.json").unlink()
    assert runs.configs(shown_runs(two_runs)) is None


def test_configs_of_other_programs(two_runs):
    (two_runs[1] / "config.json").write_text('{"stages": 3, "data": [1], "lr": 0.1}')
    found = dict(runs.configs(shown_runs(two_runs))["rows"])
    assert found["lr"] == [DASH, "0.1"]
