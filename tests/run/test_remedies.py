"""What would mend a teacher: people's order of numbers, and the shortest advice that helps."""

import pytest

from keras_kd.run.remedies import natural_order


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["1", "10", "11", "2", "3"], ["1", "2", "3", "10", "11"]),
        (["class_1", "class_10", "class_2"], ["class_1", "class_2", "class_10"]),
        (["a10b2", "a10b10", "a9"], ["a9", "a10b2", "a10b10"]),
        (["B", "a", "c"], ["a", "B", "c"]),
        (["0", "1", "2"], None),
        (["x1", "10", "2"], ["2", "10", "x1"]),
    ],
)
def test_names_in_the_order_in_which_people_count(names, expected):
    order = natural_order(names)
    assert (order if order is None else [names[index] for index in order]) == expected
