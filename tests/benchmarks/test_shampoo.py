"""What benchmarks/shampoo.py makes of its measurements."""

import pytest
import shampoo
import summary


def test_rare_dear_steps_count():
    """Nine steps of 1 s and one of 11 s are 2 s a step; a ten that was disturbed does not count."""
    ten = [1.0] * 9 + [11.0]
    assert shampoo.median_of_tens([*ten, *ten, *[50.0] * 10, 99.0]) == pytest.approx(2.0)


def test_one_jump_of_the_loss_does_not_count():
    assert shampoo.smoothed([3.0, 1.0, 9.0, 2.0, 2.5, 0.5]) == [3.0, 2.0, 3.0, 2.5, 2.5, 2.0]


def test_the_table_tells_a_rate_at_the_edge():
    assert shampoo.at_edge(0.03, {0.03: 1.0, 0.01: 2.0, 0.003: 3.0})
    assert not shampoo.at_edge(0.01, {0.03: 2.0, 0.01: 1.0, 0.003: 3.0})
    one = {"rate": 0.03, "rate_at_edge_of_grid": True, "milliseconds_a_step": 58.2}
    one |= {"steps_to_goal": [20, None], "final_loss": [0.5, 0.25]}
    grid = {"0.03": 1.0, "0.01": 2.0}
    found = {"goal": 0.5, "tuning_loss": {"adamw": grid, "shampoo": grid}, "shampoo": one}
    found["adamw"] = one | {"rate": 0.01, "rate_at_edge_of_grid": False}
    text = shampoo.results_table(found)
    assert f"| adamw | 0.01 | 20, {summary.NOTHING} | 0.5000, 0.2500 | 58.2 |" in text
    assert f"| shampoo | 0.03 (edge) | 20, {summary.NOTHING} |" in text
    assert "rate of shampoo stands at the edge of the grid (0.03, 0.01)" in text
    assert "adamw stands" not in text


def test_the_page_has_its_place():
    assert summary.between(summary.DOCS / "results.md", "shampoo")
