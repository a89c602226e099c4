"""Times in turns, of works whose times are known."""

import pytest

from keras_kd.export.speed import FEWEST, interleaved


def test_the_figures_are_those_of_the_times():
    """1 to 101 ms: the two runs that warm up do not count."""
    times = iter([9.0, 9.0, *(k / 1000 for k in range(1, 102))])
    found = interleaved({"a": lambda: next(times)}, turns=101)["a"]
    assert found.runs == 101
    assert found.median_ms == pytest.approx(51) and found.p90_ms == pytest.approx(91)
    assert (found.low_ms, found.high_ms) == (pytest.approx(26), pytest.approx(76))


def test_works_take_turns_in_changing_order():
    seen = []
    works = {name: lambda name=name: seen.append(name) or 1.0 for name in "abc"}
    interleaved(works, turns=20)
    turns = ["".join(seen[i : i + 3]) for i in range(6, len(seen), 3)]
    assert all(sorted(turn) == ["a", "b", "c"] for turn in turns) and len(turns) == 20
    assert len(set(turns)) > 2


def test_patience_ends_it_after_a_few_turns():
    clock = iter(range(0, 10_000, 100))
    found = interleaved({"a": lambda: 1.0}, patience=10, clock=lambda: next(clock))
    assert found["a"].runs == FEWEST
