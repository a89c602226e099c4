"""The front of a few points, drawn by hand."""

import pytest

from keras_kd.utils.pareto import front


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], []),
        ([(3, 3)], [(3, 3)]),
        ([(1, 3), (2, 2), (3, 1)], [(1, 3), (2, 2), (3, 1)]),
        ([(2, 2), (1, 3), (2, 3), (3, 3)], [(2, 2), (1, 3)]),  # as good in one, worse in the other
        ([(1, 1), (1, 1), (1, 2)], [(1, 1), (1, 1)]),  # equal ones do not beat each other
    ],
)
def test_front(points, expected):
    assert front(points, lambda point: point) == expected


def test_costs_say_what_is_good():
    items = [{"right": 0.9, "bytes": 5}, {"right": 0.8, "bytes": 9}, {"right": 0.95, "bytes": 9}]
    assert front(items, lambda one: (-one["right"], one["bytes"])) == [items[0], items[2]]
