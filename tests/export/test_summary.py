"""The run in one table for the terminal."""

import json

from keras_kd.export import summary_table


def test_summary_table(finished_run):
    path = finished_run / "report.json"
    report = json.loads(path.read_text())
    report["exports"]["int8"] = {
        "bytes": 90713,
        "accuracy": 0.975,
        "agreement_with_keras": 0.99,
        "latency_ms": 0.1149,
        "fallback": "2 tensors stay in float32",
    }
    path.write_text(json.dumps(report))
    lines = summary_table(finished_run).splitlines()
    assert lines[0].split()[:1] == ["accuracy"] and "95 % interval" in lines[0]
    assert lines[0].split()[-4:] == ["agreement", "parameters", "bytes", "latency"]
    cells = {line.split()[0]: line.split() for line in lines[2:]}
    assert cells["teacher"][1:3] == ["99.00", "%"] and "560,000" in cells["teacher"]
    assert "70,000" in cells["baseline"]  # the student's own network
    told = " ".join(cells["int8"][1:])
    assert told == "* 97.50 % 82.8 to 99.9 % 99.00 % \u2013 90,713 0.115 ms"  # 29 of 30
    assert lines[-1] == "int8: 2 tensors stay in float32"
    assert len({len(line) for line in lines[1:5]} - {len(lines[1])}) <= 1  # columns line up


def test_summary_of_an_unfinished_run(tmp_path):
    assert "Nothing has been measured" in summary_table(tmp_path)


def test_every_stage_stands_under_its_name(finished_run):
    path = finished_run / "report.json"
    report = json.loads(path.read_text())
    report["stages"] = {
        "teacher": {"accuracy": 0.9, "parameters": 9, "teachers": []},
        "assistant": {"accuracy": 0.8, "parameters": 8, "agreement": 0.7, "teachers": ["teacher"]},
        "distil": {"accuracy": 0.7, "parameters": 7, "teachers": ["assistant"]},
    }
    report["teacher"] = {"accuracy": 0.81, "parameters": 8}
    path.write_text(json.dumps(report))
    lines = [line.split() for line in summary_table(finished_run).splitlines()[2:]]
    assert [line[0] for line in lines] == ["teacher", "assistant", "student"]
    assert lines[0][1:3] == ["90.00", "%"] and lines[1][1:3] == ["81.00", "%"]
    assert lines[1][7:9] == ["70.00", "%"]  # behind the interval


def test_a_file_unlike_the_student_is_marked_and_told(finished_run):
    path = finished_run / "report.json"
    report = json.loads(path.read_text())
    entry = {"bytes": 1, "agreement_with_keras": 0.6, "losses": [["norm", 9.0]], "examples": 30}
    report["exports"]["int8"] = entry
    path.write_text(json.dumps(report))
    lines = summary_table(finished_run).splitlines()
    assert lines[-2].split()[:2] == ["int8", "*"]
    assert lines[-1].startswith("int8: answers like the Keras student on only 60.00 %")
