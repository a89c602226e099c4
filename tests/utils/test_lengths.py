"""Lengths of time in steps: by hand, rounded up, and refused where they say nothing."""

import pytest

from keras_kd.utils.lengths import steps


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        ("500 steps", 500),
        (500, 500),
        ("1 step", 1),
        ("0 steps", 0),
        ("3 epochs", 24),  # of 250 images, 7.8 batches of 32 each
        ("1 epoch", 8),
        ("33 examples", 2),
        ("32 examples", 1),
        ("5 percent", 10),
        ("0.1%", 1),
        ("  2.5 EPOCHS ", 20),
    ],
)
def test_each_unit_by_hand(length, expected):
    assert steps(length, batch_size=32, num_examples=250, total=200) == expected


def test_what_a_float_rounds_up_is_no_step_more():
    """0.1 x 30 is 3.0000000000000004."""
    assert steps("0.1 epochs", batch_size=1, num_examples=30) == 3


@pytest.mark.parametrize("length", ["", "long", "5 years", "-3 steps", "1e3 steps", None])
def test_what_is_no_length_is_refused(length):
    with pytest.raises(ValueError, match="A length is a number and one of steps, epochs, examples"):
        steps(length, batch_size=1, num_examples=1)


def test_a_percentage_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"steps, epochs, examples\. Received: '5%'"):
        steps("5%", batch_size=1, num_examples=1)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        ("500 steps", 500),
        ("500", 500),
        (500, 500),
        ("1 step", 1),
        ("2 epochs", 20),
        ("0.5 epochs", 5),
        ("1000 examples", 10),
        ("1001 examples", 11),
        ("5%", 10),
        ("5 percent", 10),
        ("0 steps", 0),
    ],
)
def test_lengths(length, expected):
    assert steps(length, batch_size=100, num_examples=1000, total=200) == expected


def test_a_percentage_needs_a_whole():
    with pytest.raises(ValueError, match="Received: '5%'"):
        steps("5%", batch_size=1, num_examples=10)
