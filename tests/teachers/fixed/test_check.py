"""Stored targets of another teacher, other data, views or pixels are refused by name."""

import json

import keras
import pytest
from tiny_fixed import SPLIT, views_of

from keras_kd.data import FixedViews, load_source
from keras_kd.teachers import fixed_targets
from keras_kd.teachers.fixed import targets as fixed


@pytest.mark.parametrize(
    "change,difference",
    [
        ({"split": "train[:31]"}, "data.examples: 30 there, 31 here"),
        ({"mode": "fix/cc"}, "views.mode: 'fix/ic_ens' there, 'fix/cc' here"),
        ({"resolution": 9}, "views.teacher_resolution: 8 there, 9 here"),
        ({"crops": 6}, "views.crops: 5 there, 6 here"),
        ({"seed": 1}, "seed: 0 there, 1 here"),
        ({"flip": False}, "views.flip: True there, False here"),
        ({"crop_area": (0.5, 1.0)}, r"views.crop_area: \[0.05, 1.0\] there, \[0.5, 1.0\] here"),
    ],
)
def test_targets_of_something_else_are_refused(teacher, stored, change, difference):
    for known in (teacher, None):
        with pytest.raises(ValueError, match=f"another run. Differences: .*{difference}"):
            fixed.check_fixed(stored, views_of(**change), known)


def test_targets_of_another_teacher_are_refused(stored):
    keras.utils.set_random_seed(2)
    other = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    other.add(keras.layers.Dense(10))
    with pytest.raises(
        ValueError, match=r"Differences: .*teacher\.weights: '\w+' there, '\w+' her"
    ):
        fixed_targets(other, views_of(), stored, 8)
    fixed.check_fixed(stored, views_of())  # as long as it is not known


def test_the_same_examples_in_another_order_are_refused(teacher, stored):
    source = load_source("digits")
    views = FixedViews(source, SPLIT, "fix/ic_ens", 8, crops=5)
    examples = source.split(SPLIT)
    for name in ("ids", "labels", "sizes"):
        setattr(examples, name, getattr(examples, name)[::-1].copy())
    with pytest.raises(ValueError, match=r"data\.order: '\w+' there, '\w+' here"):
        fixed_targets(teacher, views, stored, 8)


def test_pixels_that_changed_under_the_same_names_are_found(teacher, stored):
    source = load_source("digits")
    source.split(SPLIT).store.images = 255 - source.split(SPLIT).store.images
    views = FixedViews(source, SPLIT, "fix/ic_ens", 8, crops=5)
    for known in (teacher, None):
        with pytest.raises(
            ValueError, match=r"Differences: data\.images: '\w+' there, '\w+' here\."
        ):
            fixed.check_fixed(stored, views, known)


def test_an_augmentation_that_changed_under_the_same_settings_is_found(
    teacher, stored, monkeypatch
):
    at = FixedViews.at
    monkeypatch.setattr(FixedViews, "at", lambda self, positions: 1 - at(self, positions))
    fixed.check_fixed(stored, views_of())
    with pytest.raises(ValueError, match=r"likeliest class differs by 0\.\d\d on average"):
        fixed_targets(teacher, views_of(), stored, 8)


def test_the_fingerprint_is_json(teacher):
    fields = fixed.fingerprint(views_of(), teacher)
    names = {"data.content", "data.order", "teacher.weights", "views.crops", "seed"}
    assert names < json.loads(json.dumps(fields)).keys()
