"""What a teacher is asked for."""

import pytest
from teacher_models import small

from keras_kd.models.pixels import pixels_of
from keras_kd.teachers import load
from keras_kd.teachers.wanted import Answer, Asked, Wanted, check_layout


def test_nothing_is_asked_for():
    assert Wanted().input_range is None and not Wanted().pixels
    assert Wanted(pixels=pixels_of((0, 1))).input_range == (0.0, 1.0)


def test_orders_of_axes():
    assert [check_layout(one) for one in ("", "nhwc", "nchw")] == ["", "nhwc", "nchw"]
    with pytest.raises(ValueError, match="layout must be one of nhwc, nchw, or empty"):
        check_layout("NCHW")
    with pytest.raises(ValueError, match=r"layout='nchw' for handle=.*Leave it out"):
        load(small(), 4, layout="nchw")


def test_outputs_are_as_many_as_the_teachers_own_classes():
    assert Wanted().num_outputs is None and Wanted(num_classes=3).num_outputs == 3
    assert Wanted(num_classes=3, answer=Answer(classes=("a", "b", "c", "d"))).num_outputs == 4
    with pytest.raises(TypeError, match="outputs"):
        load(small(), 4, outputs="top")


def test_a_refusal_names_the_argument_that_mends_it():
    error = Asked("which?", "output", "scores")
    assert isinstance(error, ValueError) and str(error) == "which?"
    assert (error.argument, error.value) == ("output", "scores")
