"""The study of generations: its cells, and its table from results made by hand."""

import argparse

import born_again
import pytest


def test_each_generation_needs_the_one_before():
    cells = born_again.list_cells(argparse.Namespace(thin=False))
    assert len(cells) == len(born_again.SEEDS) * 4
    needs = {cell.name: cell.needs for cell in cells}
    assert needs["generation2-3"] == ("generation1-3",) and needs["long-3"] == ()
    steps = {cell.name: cell.facts["steps"] for cell in cells}
    assert steps["long-0"] == sum(steps[f"generation{i}-0"] for i in range(3))
    # Of other first weights, and alike in all else.
    seeds = [born_again.config_of(cell.facts).distil.seed for cell in cells[:4]]
    assert seeds == [0, 0, 1, 2]


def test_differences_are_within_a_seed():
    """0.1 and 0.3: mean 0.2, and 0.1 times Student's t of one degree, 12.706."""
    values = {"generation0": (0.5, 0.6), "long": (0.6, 0.6), "generation1": (0.6, 0.9)}
    results = [
        {"facts": {"kind": kind, "seed": seed}, "accuracy": value, "agreement": 0.9}
        for kind, pair in values.items()
        for seed, value in enumerate(pair)
    ]
    found = born_again.aggregate(results)
    gain = found["generation1"]["gain"]["generation0"]
    assert gain["mean"] == pytest.approx(0.2)
    assert gain["half"] == pytest.approx(0.1 * 12.706, rel=1e-4)
    assert found["generation2"]["accuracy"] is None
    lines = born_again.table(found).splitlines()
    assert len(lines) == 6 and "+20.00 ± 127.06 | +15.00 ±" in lines[4]
