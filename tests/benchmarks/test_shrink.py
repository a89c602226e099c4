"""The study of cut students: its cells, and its tables from results made by hand."""

import argparse

import pytest
import shrink
import summary


def student(start, way, seed, accuracy, **more):
    facts = {"kind": "student", "start": start, "way": way, "bytes": 600_000, "seed": seed}
    return {"facts": facts, "accuracy": accuracy, **more}


RESULTS = [
    {"facts": {"kind": "teacher", "seed": 0}, "accuracy": 0.8},
    {"facts": {"kind": "cut", "bytes": 600_000, "seed": 0},
     "accuracy": dict.fromkeys(shrink.CUTS, 0.25)},
    student("cut", "distilled", 0, 0.7, int8_accuracy=0.69, int8_bytes=590_000),
    student("cut", "distilled", 1, 0.8, int8_accuracy=0.79, int8_bytes=591_000),
    student("cut", "labels", 0, 0.6),
    student("cut", "labels", 1, 0.5),
    student("scratch", "distilled", 0, 0.4, int8_accuracy=0.4, int8_bytes=590_500),
]  # fmt: skip


def test_the_cells_stand_behind_what_they_need_and_name_no_place():
    options = argparse.Namespace(thin=False, data_dir="here", weights="there.npz")
    cells = shrink.list_cells(options)
    names = [cell.name for cell in cells]
    # Teachers, cuts, all students of one seed, and three of each other seed.
    assert len(cells) == 3 + 2 + 8 + 2 * 3
    for index, cell in enumerate(cells):
        assert set(cell.needs) <= set(names[:index])
        assert "here" not in str(cell.facts) and "there" not in str(cell.facts)
    by_name = dict(zip(names, cells))
    assert by_name["cut-distilled-600000-1"].facts["config.student.model.kwargs.bytes"] == 600_000
    assert by_name["scratch-labels-600000-0"].needs == ("teacher-0", "cut-distilled-600000-0")


def test_the_gain_is_within_a_seed():
    found = shrink.aggregate(RESULTS)
    cut = found["students"]["cut-600000"]
    assert cut["gain"]["values"] == pytest.approx([0.1, 0.3])
    assert cut["int8"]["mean"] == pytest.approx(0.74) and cut["bytes"] == 591_000
    lines = shrink.tables(found).splitlines()
    assert "| cut, 600,000 bytes | 55.00 ± 63.53 | 75.00 ± 63.53 |" in "\n".join(lines)
    scratch = next(line for line in lines if line.startswith("| scratch"))
    assert f"| {summary.NOTHING} | 40.00 | {summary.NOTHING} | 40.00 | 590,500 |" in scratch
    assert "| l1-fitted | 25.0 |" in lines
