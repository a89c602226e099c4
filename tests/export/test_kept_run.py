"""What a working directory holds is read, whatever of it is there."""

import json

import pytest

from keras_kd.export.kept_run import read_run


def test_a_finished_run(finished_run):
    run = read_run(str(finished_run))
    assert run.path == finished_run and run.report["name"] == "digits"
    assert run.config["data"]["resolution"] == 12
    assert len(run.records) == 15 and run.records[-1]["stage"] == "distil"
    assert run.predictions["student"].shape == (30, 10)


def test_what_is_missing_is_empty(tmp_path):
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"stage": "a", "step": 1}))
    run = read_run(tmp_path)
    assert (run.config, run.predictions) == ({}, None) and not any(run.report.values())
    assert run.records == [{"stage": "a", "step": 1}]


@pytest.mark.parametrize("name", ["report.json", "config.json"])
def test_json_of_another_kind(finished_run, name):
    (finished_run / name).write_text('"text"')
    with pytest.raises(ValueError, match=rf"{name} must hold a JSON object.*Received: a str"):
        read_run(finished_run)


def test_values_of_another_kind_are_left_out(finished_run):
    report = json.loads((finished_run / "report.json").read_text())
    report |= {"classes": 3, "stages": {"distil": {"accuracy": 1}, "note": "text"}}
    report["data"] |= {"images": ["told", 1], "skipped": 5}
    (finished_run / "report.json").write_text(json.dumps(report))
    found = read_run(finished_run).report
    assert found["classes"] == [] and found["stages"] == {"distil": {"accuracy": 1}}
    assert found["data"]["images"] == ["told"] and found["data"]["skipped"] == []
    assert found["data"]["test_images"] == 30 and found["name"] == "digits"
