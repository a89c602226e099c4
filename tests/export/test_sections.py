"""Facts of the report's sections, worked out by hand."""

from keras_kd.export import sections
from keras_kd.export.facts import Stage

REPORT = {
    "teacher": {"accuracy": 0.99, "parameters": 560000},
    "student": {"accuracy": 0.98, "parameters": 70000},
    "baseline": {"accuracy": 0.95},
    "data": {"test_images": 500},
}
KINDS = (("one", 1.0), ("other", 0.97))


def test_cards():
    files = {"f": {"bytes": 90713, "accuracy": 0.97, "latency_ms": 0.125}}
    assert sections.cards(REPORT | {"exports": files}) == [
        ("Student accuracy", "98.00 %", "10 of 500 wrong, 95 % interval 96.4 to 99.0 %"),
        (
            "Against the teacher",
            "\u22121.00 points",
            "teacher 99.00 %, 95 % interval \u22122.78 to +0.68",
        ),
        ("Gain from the teacher", "+3.00 points", "baseline 95.00 %, 95 % interval +0.61 to +5.52"),
        ("Parameters", "1/8", "70,000 of 560,000"),
        ("f file", "90.7 kB", "accuracy 97.00 %"),
        ("f latency", "0.125 ms", "8,000 images a second"),
    ]
    assert sections.cards({}) == []


def test_sizes_are_shares_of_the_reference():
    files = {"float32": {"bytes": 400}, "other": {"bytes": 100, "fallback": "odd"}, "x": {}}
    told = sections.exports({"exports": files})
    assert told["reference"] == "float32" and told["most"] == 400
    assert [row["share"] for row in told["rows"]] == ["100 %", "25 %", "\u2013"]
    assert told["note"] == "* other: odd."
    del files["float32"]
    assert sections.exports({"exports": files})["reference"] is None


def test_files_carry_their_interval_and_their_runtime():
    entry = {"bytes": 1, "accuracy": 0.5, "examples": 10, "runtime": "2.5.0"}
    (row,) = sections.exports({"exports": {"x": entry}})["rows"]
    assert row["interval"] == "18.7 to 81.3 %" and row["runtime"] == "2.5.0"
    (row,) = sections.exports({"exports": {"x": {"bytes": 1}}})["rows"]
    assert row["interval"] == "\u2013"


def test_ways_to_resize_stand_side_by_side():
    kinds = [{"name": name, "accuracy": 0.9, "agreement": share} for name, share in KINDS]
    told = sections.resizing({"resizing": {"examples": 1000, "kinds": kinds}})
    assert told == {"rows": kinds, "images": "1,000"}
    assert sections.resizing({}) is None


def test_data():
    report = {"dataset": "d", "data": {"test_images": 5, "skipped": [["a", "b"], "c"]}}
    told = sections.data(report)
    assert told["skipped"] == [["a", "b"], ("c", "")]
    assert told["note"] == "Data set d. Tested on 5 images. 2 unreadable files were skipped."
    report["data"] = {"test_images": 5, "images": ["labels: 20 images keep theirs"]}
    note = "Data set d. Tested on 5 images. Labels: 20 images keep theirs."
    assert sections.data(report)["note"] == note
    assert sections.data({}) is None


def test_classes_of_each_lesson():
    names = [str(number) for number in range(8)]
    known = {"told": 0.9, "all": 0.8}
    report = {"class_groups": {
        "groups": [{"classes": names, "images": 1200}, {"classes": ["x", "y"], "images": 3}],
        "stages": {"old": [known, None], "distil": [known, known]},
    }}  # fmt: skip
    found = sections.class_groups(report, [Stage("distil", "student", "", "", {})])
    assert found["groups"] == ["0, 1, 2, 3, 4, 5 and 2 more (1,200 images)", "x, y (3 images)"]
    assert found["rows"] == [
        {"label": "old", "groups": [known, {}]},
        {"label": "student", "groups": [known, known]},
    ]
    assert sections.class_groups({}, []) is None


def test_times_in_turns():
    rows = [
        {"format": "int8", "threads": 1, "xnnpack": True, "median_ms": 0.5, "low_ms": 0.4,
         "high_ms": 0.6, "p90_ms": 0.7, "runs": 300},
        {"format": "odd"},
    ]  # fmt: skip
    facts = {"processor": "P", "int8_instructions": ["i8mm"], "rows": rows}
    told = sections.latency({"latency": facts})
    assert told["note"] == "All files were timed in turns on P, with i8mm."
    assert told["rows"] == [rows[0] | {"how": "1 thread, XNNPACK on"}] and told["most"] == 0.5
    assert sections.latency({}) is None and sections.latency({"latency": {"rows": None}}) is None


def test_times_of_other_programs_are_left_out():
    row = {"format": "int8", "median_ms": 1.0, "low_ms": 0.9, "high_ms": 1.1, "p90_ms": 1.2}
    rows = [3, {}, {**row, "low_ms": "x"}, {**row, "threads": 1, "xnnpack": True}]
    shown = sections.latency({"latency": {"processor": "P", "rows": rows}})
    assert [one["how"] for one in shown["rows"]] == ["1 thread, XNNPACK on"] and shown["most"] == 1
    assert sections.latency({"latency": {"rows": 3}}) is None
