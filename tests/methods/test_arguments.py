"""The checks of the methods' arguments: what they let through, and what they say."""

import numpy as np
import pytest

from keras_kd import methods
from keras_kd.methods.arguments import at_least, integer, not_negative, positive


def test_what_is_right_comes_back_as_plain_floats_in_order():
    assert positive(temperature=4) == 4.0 and type(positive(temperature=4)) is float
    assert positive(a=np.float32(0.5), b=2) == (0.5, 2.0)
    assert not_negative(weight=0) == 0.0 and at_least(1, power=1) == 1.0
    assert integer(layers=3) == 3 and integer(0, first_id=0, layers=2) == (0, 2)


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
        integer(layers=value)


@pytest.mark.parametrize("value", [0.999, -2.0, float("nan"), float("inf")])
def test_at_least_tells_its_bound(value):
    with pytest.raises(ValueError, match=rf"power must .*at least 1\. Received: power={value}"):
        at_least(1, power=value)


@pytest.mark.parametrize("value", ["a", "2", None, True, [1.0], {}], ids=repr)
@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("soft_targets", "weight"),
        ("soft_targets", "temperature"),
        ("relational_kd", "distance"),
        ("teacher_free_kd", "confidence"),
        ("crd", "momentum"),
    ],
)
def test_what_is_no_number_is_named(name, argument, value):
    more = {"num_examples": 5} if name == "crd" else {}
    with pytest.raises(ValueError, match=rf"{argument}.* must .*Received: .*{argument}=") as error:
        methods.get(name, **{argument: value}, **more)
    assert f"{argument}={value!r}" in str(error.value)


@pytest.mark.parametrize("name", [3, None, ["soft_targets"]], ids=repr)
def test_a_name_that_is_none_lists_the_methods(name):
    with pytest.raises(
        ValueError, match=r"must be one of .*soft_targets.* Received: name="
    ) as error:
        methods.get(name)
    assert f"name={name!r}" in str(error.value)


def test_only_unknown_arguments_are_reported():
    with pytest.raises(ValueError, match=r"takes .*Received: temprature\. Did you mean 'temp"):
        methods.get("soft_targets", weight=1.0, temprature=2.0)
    with pytest.raises(ValueError, match=r"student_taps must be a list.*student_taps=None"):
        methods.get("hint", student_taps=None)
