"""The study of the gain: its cells, and its table from results made by hand."""

import argparse

import gain
import pytest


def result(seed, teacher, baseline, student, int8):
    return {"facts": {"seed": seed}, "teacher": teacher, "baseline": baseline, "student": student,
            "int8": int8, "agreement_of_int8": 0.97, "agreement_of_pillow": 0.98}  # fmt: skip


def test_the_cells_are_whole_runs_that_name_no_place():
    options = argparse.Namespace(thin=False, data_dir="here", weights="there.npz")
    cells = gain.list_cells(options)
    assert [cell.name for cell in cells] == ["few_labels-0", "few_labels-1", "few_labels-2"]
    for cell in cells:
        assert "here" not in str(cell.facts) and "there" not in str(cell.facts)
    # 400 steps of the teacher and 6,000 each of baseline and student.
    assert cells[0].images == 64 * (400 + 6000 + 6000)


def test_the_gain_is_within_a_seed():
    """Differences 0.1 and 0.3: mean 0.2, and 0.1 times Student's t of one degree, 12.706."""
    found = gain.aggregate([result(0, 0.8, 0.5, 0.6, 0.59), result(1, 0.8, 0.2, 0.5, 0.51)])
    assert found["gain"]["mean"] == pytest.approx(0.2)
    assert found["gain"]["half"] == pytest.approx(0.1 * 12.706, rel=1e-4)
    assert found["student"]["mean"] == pytest.approx(0.55)
    line = gain.table(found).splitlines()[-1]
    assert line.startswith("| CIFAR-10") and "+20.00 ± 127.06" in line and "55.00 ±" in line
    assert line.endswith("| 97.00 ± 0.00 | 98.00 ± 0.00 |")
