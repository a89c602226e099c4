"""Examples of some classes: who they are, and choices that cannot be."""

import numpy as np
import pytest

from keras_kd.data import load_source
from keras_kd.data.chosen_classes import ChosenClasses, class_indices

NAMES = ("ant", "bee", "cow", "dog")


def test_names_and_numbers_are_classes_in_the_order_of_all():
    assert class_indices(("dog", 1), NAMES) == [1, 3]
    assert class_indices((), NAMES) == []


@pytest.mark.parametrize(("chosen", "words"), [
    (("bees", "ant"), r"where must hold names.*Received: 'bees'. Did you mean 'bee'"),
    ((0, 4), r"numbers from 0 to 3. Received: 4"),
    ((0, -1), r"Received: -1"),
    ((True, 0), r"Received: True"),
    (("bee", 1), r"has 'bee' twice"),
    (("bee",), r"two classes or more.*has 'bee' alone"),
])  # fmt: skip
def test_what_cannot_be_chosen(chosen, words):
    with pytest.raises(ValueError, match=words):
        class_indices(chosen, NAMES, "where")


def test_they_are_the_source_s_own_and_no_others():
    digits = load_source("digits")
    some, every = ChosenClasses(digits, [2, 7]), digits.split("train")
    found = some.split("train")
    assert set(found.labels) == {2, 7} and some.class_names == digits.class_names
    rows = np.flatnonzero((every.labels == 2) | (every.labels == 7))
    np.testing.assert_array_equal(found.ids, every.ids[rows])
    for take in (found.fetch(np.arange(3)), found.crops([0, 1, 2], [[0, 0, 8, 8]] * 3)):
        np.testing.assert_array_equal(take, every.fetch(rows[:3]))


def test_a_class_without_an_image_is_told_of():
    first = load_source("digits").split("train").labels[:3]
    absent = next(digit for digit in range(10) if digit not in first)
    some = ChosenClasses(load_source("digits"), [int(first[0]), absent])
    with pytest.raises(ValueError, match=f"without one of '{absent}'. Leave them out of"):
        some.split("train[:3]")
