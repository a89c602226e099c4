"""A chart of accuracy and cost: its points, its line, its colours."""

import re

from keras_kd.export.scatter import scatter
from keras_kd.utils import words

POINTS = [
    ("var(--student)", 1000, 0.9, "small"),
    ("var(--teacher)", 2000, 0.95, "middle"),
    ("var(--teacher)", 3000, 0.93, "beaten"),
]


def draw(points=POINTS):
    return scatter(points, POINTS[:2], "Accuracy against bytes", "one file a point", words.size)


def test_points_and_the_names_of_the_best():
    svg = draw()
    assert svg.startswith("<svg") and 'aria-label="Accuracy against bytes"' in svg
    assert svg.count("var(--teacher)") == 2 * svg.count("var(--student)") > 0
    assert re.findall(r">(small|middle|beaten)<", svg) == ["small", "middle"]
    assert "kB<" in svg and "90 %<" in svg and "93 %<" in svg
    assert "#02" not in svg  # every stand-in has become a colour of the page
    assert svg == draw()


def test_costs_far_apart_take_a_log_scale():
    wide = draw([*POINTS, ("red", 10**7, 0.96, "large")])
    assert "10.00 MB" in wide and "100.0 kB" in wide  # powers of ten at equal distances
    assert "100.0 kB" not in draw()


def test_nothing_to_draw():
    assert draw([]) == ""
    free = ("red", 0, 1.0, "free")
    assert "<svg" in scatter([free], [free], "label", "unit", words.size)
