"""Intervals against published tables, the sign test's own probabilities, and simulation."""

import math

import numpy as np
import pytest

from keras_kd.evaluation.intervals import (
    accuracy_interval,
    is_apart,
    paired_interval,
    paired_test,
    unpaired_interval,
)


@pytest.mark.parametrize(
    ("right", "count", "expected"),
    [
        (0, 10, (0.0, 0.3085)),  # 1 - 0.025 ** (1 / 10)
        (1, 10, (0.0025, 0.4450)),
        (5, 10, (0.1871, 0.8129)),
        (10, 10, (0.6915, 1.0)),
        (10, 100, (0.0490, 0.1762)),
    ],
)
def test_the_exact_interval_of_the_tables(right, count, expected):
    assert accuracy_interval(right, count) == pytest.approx(expected, abs=5e-5)


def sign_test(first, second):
    """Two-sided probability of a split at least as uneven, by counting."""
    n, k = first + second, min(first, second)
    return min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n)


def test_zero_lies_outside_where_the_sign_test_finds_a_difference():
    for first in range(13):
        for second in range(13):
            apart = is_apart(paired_interval(first, second, 500))
            assert apart == (sign_test(first, second) < 0.05), (first, second)
    assert not is_apart(paired_interval(4, 3, 500))  # 3 against 4 wrong of 500
    assert is_apart(paired_interval(9, 1, 500))


def test_the_paired_test_is_the_sign_test():
    for first in range(13):
        for second in range(13):
            found = paired_test(first, second)
            assert found == pytest.approx(sign_test(first, second), rel=1e-12), (first, second)
    assert paired_test(0, 0) == 1  # nothing differs
    assert paired_test(5, 0) == 2 / 2**5
    # Many images: McNemar's approximation, with its correction, comes near.
    chi = (abs(540 - 460) - 1) ** 2 / 1000
    assert paired_test(540, 460) == pytest.approx(math.erfc((chi / 2) ** 0.5), rel=0.01)
    with pytest.raises(ValueError, match="only_second=-1"):
        paired_test(1, -1)


def test_a_paired_interval_is_one_of_the_difference():
    low, high = paired_interval(30, 10, 400)
    assert low < (30 - 10) / 400 < high and low > 0
    assert paired_interval(10, 30, 400) == pytest.approx((-high, -low))
    # Nothing differs among 100: one in 28 might, and would be missed once in forty times.
    assert paired_interval(0, 0, 100) == pytest.approx((-0.0362, 0.0362), abs=1e-4)


def test_unpaired_intervals_hold_the_truth_in_95_of_100_cases():
    rng = np.random.default_rng(0)
    for p, q in ((0.95, 0.9), (0.5, 0.5)):
        first, second = rng.binomial(200, p, 400), rng.binomial(200, q, 400)
        found = [unpaired_interval(int(a), int(b), 200) for a, b in zip(first, second)]
        held = np.mean([low <= p - q <= high for low, high in found])
        assert 0.94 <= held <= 1.0


@pytest.mark.parametrize("counts", [(11, 10), (-1, 10), (0, 0)])
def test_counts_out_of_range_are_named(counts):
    with pytest.raises(ValueError, match=f"Received: right={counts[0]}, count={counts[1]}"):
        accuracy_interval(*counts)


def test_parts_larger_than_the_whole_are_named():
    with pytest.raises(ValueError, match="Received: only_first=6, only_second=5, count=10"):
        paired_interval(6, 5, 10)
