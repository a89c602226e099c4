"""Curves from the log, and charts that follow the page's colours."""

from keras_kd.export import charts


def test_curves_keep_the_last_value_and_drop_what_is_not_finite():
    records = [
        {"stage": "distil", "step": 2, "loss": 5.0},
        {"stage": "distil", "step": 1, "loss": 9.0},
        {"stage": "distil", "step": 2, "loss": 4.0},
        {"stage": "distil", "step": 3, "loss": float("nan")},
        {"stage": "teacher", "epoch": 1, "loss": None},
    ]
    assert charts.curves(records, charts.LOSS) == {"distil": ((1, 2), (9.0, 4.0))}
    assert charts.learning_curves([], "loss") == ""


def test_each_line_has_its_own_colour_of_the_page():
    colours = [f"hsl({angle} var(--others))" for angle in range(300)]
    svg = charts.learning_curves([(colour, (1, 2), (1.0, 2.0)) for colour in colours], "loss")
    assert all(f"stroke: {colour}" in svg for colour in colours)
    assert "#0" not in svg and 'aria-label="loss"' in svg and "http" not in svg
