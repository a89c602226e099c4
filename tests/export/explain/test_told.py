"""Tables and advice, from figures that are given."""

import pytest

from keras_kd.export import sections
from keras_kd.export.explain import told


def row(*keep, agreement=0.5):
    return {"keep": list(keep), "accuracy": None, "agreement": agreement, "sqnr_db": 10.0,
            "bytes": 1000, "latency_ms": 1.0}  # fmt: skip


FOUND = {
    "layers": [{"layer": "norm", "sqnr_db": 3.21, "largest": 0.5, "clipped": 0.01}],
    "singles": [row("norm", agreement=0.9), row("b")],
    "path": [row(), row("norm", agreement=0.9), row("norm", "b", agreement=0.99)],
    "norms": row(),
    "recipe": ["norm", "b"],
    "command": "COMMAND",
    "examples": 100,
}


def test_the_table_grows_from_nothing_to_the_recipe():
    labels = [one["label"] for one in told.labelled(FOUND)]
    assert labels == ["nothing", "norm", "b", "norm, b", "all norms, as int8 does"]
    text = told.text(FOUND)
    assert "3.2 dB" in text and text.endswith("instead of 50.00 %: COMMAND")


def test_no_recipe_is_said():
    found = {**FOUND, "path": FOUND["path"][:1], "recipe": []}
    assert "no layer needs float32, or none alone helps" in told.advice(found)
    for one in (found, FOUND):
        note = sections.explain({"explain": one})["note"]
        assert note.endswith(".") and not note.endswith("..")


@pytest.mark.parametrize("name", ["layers", "path", "singles", "recipe", "norms"])
@pytest.mark.parametrize("value", [None, 3, [3], [{"sqnr_db": 1.0, "agreement": "x"}]])
def test_reports_of_other_programs_end_no_page(name, value):
    shown = sections.explain({"explain": {**FOUND, name: value}})
    assert shown is None or name in ("singles", "norms")


def test_norms_that_do_more_than_the_recipe_are_named():
    better = {**FOUND, "norms": {**row(agreement=0.995), "sqnr_db": 12.0}}
    advice = told.advice(better)
    assert advice.startswith("With all norms in float32, as format int8 has them")
    assert "99.50 % of 100 images" in advice and advice.endswith(
        "norm, b alone on 99.00 %: COMMAND"
    )
