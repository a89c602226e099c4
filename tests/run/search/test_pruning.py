import math

import pytest

from keras_kd.run.search.bench import Measured
from keras_kd.run.search.pruning import Rival, is_behind, rivals

OWN = Measured(1000, 2.0, 1.9, 2.1)
MARGIN = 2 * math.sqrt((0.5 * 0.5 + 0.8 * 0.2) / 100)  # 0.128


@pytest.mark.parametrize(("other", "behind"), [
    (Rival([0.6, 0.8], 1000, 2.0), True),
    (Rival([0.6, 0.8, 0.9], 500, 1.0), True),
    (Rival([0.6, 0.8], 1001, 2.0), False),  # larger
    (Rival([0.6, 0.8], 1000, 2.1), False),  # slower
    (Rival([0.9], 500, 1.0), False),  # never seen at this step
    (Rival([0.9, 0.6], 500, 1.0), False),  # by chance
])  # fmt: skip
def test_behind_in_all_and_not_by_chance(other, behind):
    assert is_behind([0.4, 0.5], OWN, [other], 100) is behind


def test_chance_is_two_standard_errors_of_the_difference():
    for share, behind in ((0.8, True), (0.5 + MARGIN - 0.01, False)):
        assert is_behind([0.5], OWN, [Rival([share], 1, 1.0)], 100) is behind
    assert not is_behind([0.5], OWN, [Rival([0.8], 1, 1.0)], 10)
    assert not is_behind([0.5], OWN, [], 100)


class Trial:
    def __init__(self, **attrs):
        self.user_attrs = attrs


def test_rivals_are_those_that_were_tried():
    class Asked:
        formats = ("int8", "float32")

    files = {"int8": {"bytes": 10, "ms": 1.0}, "float32": {"bytes": 40, "ms": 2.0}}
    trials = [Trial(files=files, curve=[0.5, 0.6]), Trial(files=files)]
    assert rivals(trials, Asked) == [Rival([0.5, 0.6], 10, 1.0)]
