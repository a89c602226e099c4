"""What counts as a whole number, and what is said of anything else."""

import numpy as np
import pytest

from keras_kd.utils.integers import check_integer, is_integer


@pytest.mark.parametrize("value", [1, 7, np.int64(3), np.uint8(1)])
def test_whole_numbers_of_python_and_numpy(value):
    assert is_integer(value)
    check_integer("count", value)


@pytest.mark.parametrize("value", [0, -1, True, 1.0, np.float32(2), "3", None, [1], np.bool_(True)])
def test_anything_else_is_refused_by_name(value):
    assert not is_integer(value)
    with pytest.raises(ValueError, match=r"^count must be a whole number of at least 1\. Received"):
        check_integer("count", value)


def test_the_least_and_the_advice_are_the_callers():
    check_integer("start", 0, least=0)
    with pytest.raises(ValueError, match=r"at least 2\. Received: images=1\. Take more\.$"):
        check_integer("images", 1, least=2, advice="Take more.")
