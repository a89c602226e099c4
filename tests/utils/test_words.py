"""Numbers as people read them."""

import pytest

from keras_kd.utils import words


@pytest.mark.parametrize(
    ("part", "expected"), [(125, "1/8"), (115, "1/8"), (500, "1/2"), (600, "60 %"), (0, None)]
)
def test_fractions_never_overstate(part, expected):
    """1000 / 115 = 8.7 is written 1/8."""
    assert words.fraction(part, 1000) == expected


def test_numbers_as_people_read_them():
    assert words.size(90713) == "90.7 kB" and words.size(2_340_000) == "2.34 MB"
    assert words.duration(95) == "1 min 35 s" and words.duration(3725) == "1 h 2 min"
    assert words.milliseconds(0.1149) == "0.115 ms" and words.milliseconds(12.34) == "12.3 ms"
    assert words.points(-0.0194) == "\u22121.94" and words.points(-1e-9) == "0.00"
    assert words.percent(float("nan")) == words.count(None) == words.size("x") == words.DASH
