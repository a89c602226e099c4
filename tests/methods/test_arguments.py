"""The checks of the methods' numbers: what they let through, and what they say."""

import numpy as np
import pytest

from keras_kd.methods.arguments import not_negative, positive, whole


def test_what_is_right_comes_back_as_plain_floats_in_order():
    assert positive(temperature=4) == 4.0 and type(positive(temperature=4)) is float
    assert positive(a=np.float32(0.5), b=2) == (0.5, 2.0)
    assert not_negative(weight=0) == 0.0
    assert whole(layers=3) == 3 and whole(0, first_id=0, layers=2) == (0, 2)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_positive_names_the_first_that_is_not(value):
    with pytest.raises(ValueError, match=rf"finite number above 0\. Received: b={value}"):
        positive(a=1.0, b=value, c=-1.0)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_not_negative_refuses_the_rest(value):
    with pytest.raises(ValueError, match=rf"number of at least 0\. Received: weight={value}"):
        not_negative(weight=value)


@pytest.mark.parametrize("value", [0, 2.0, True, "2"])
def test_a_whole_number_is_an_int_of_at_least_the_least(value):
    with pytest.raises(ValueError, match=rf"least 1\. Received: layers={value!r}"):
        whole(layers=value)
