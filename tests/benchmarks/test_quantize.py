"""The study of few bits: its cells, and its table from results made by hand."""

import argparse

import pytest
import quantize


def result(data, seed, files, **facts):
    facts = {"kind": data, "seed": seed, "role": "aware" if facts else "float", **facts}
    return {"facts": facts, "files": files, "bytes": dict.fromkeys(files, 1000 + seed),
            "agreement": dict.fromkeys(files, 0.99)}  # fmt: skip


def test_the_cells_are_a_float_student_and_those_made_of_it():
    options = argparse.Namespace(thin=False, data_dir="here", weights="there.npz")
    cells = quantize.list_cells(options)
    assert len(cells) == len(quantize.DATA) * len(quantize.SEEDS) * (1 + 3 * 2)
    assert cells[0].name == "digits-float-0" and cells[1].needs == ("digits-float-0",)
    names = {cell.name for cell in cells}
    assert all(need in names for cell in cells for need in cell.needs)
    for cell in cells:
        assert "here" not in str(cell.facts) and "there" not in str(cell.facts)
    # Two aware cells of other targets differ in their facts.
    assert cells[1].facts != cells[2].facts


def test_differences_are_within_a_seed():
    """-0.1 and -0.3: mean -0.2, and 0.1 times Student's t of one degree, 12.706."""
    results = [
        result("digits", 0, {"float32": 0.9, "int8": 0.8, "int4": 0.7}),
        result("digits", 1, {"float32": 0.8, "int8": 0.7, "int4": 0.6}),
        result("digits", 0, {"int8": 0.5, "int4": 0.8}, bits=4, target="soft"),
        result("digits", 1, {"int8": 0.5, "int4": 0.5}, bits=4, target="soft"),
    ]
    rows = quantize.aggregate(results)
    assert [(row["bits"], row["how"]) for row in rows] == [
        (0, "distilled"), (8, "after training"), (4, "after training"), (4, "soft targets"),
    ]  # fmt: skip
    assert rows[1]["difference"]["mean"] == pytest.approx(-0.1)
    assert rows[3]["difference"]["mean"] == pytest.approx(-0.2)
    assert rows[3]["difference"]["half"] == pytest.approx(0.1 * 12.706, rel=1e-4)
    lines = quantize.table(rows).splitlines()
    assert "| float | distilled | 85.00 ±" in lines[2] and "-20.00 ± 127.06" in lines[-1]
