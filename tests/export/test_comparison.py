"""The table of a run's networks."""

import numpy as np
import pytest

from keras_kd.export.comparison import stages
from keras_kd.export.facts import stages_of


def test_networks_and_their_calibration():
    """Two answers of 0.9, one of them wrong: 0.4 between what is right and how sure it is."""
    report = {
        "teacher": {"accuracy": 0.99, "parameters": 560000},
        "student": {"accuracy": 0.98, "parameters": 70000},
        "baseline": {"accuracy": 0.95},
        "data": {"test_images": 500},
    }
    logits = np.log([[0.9, 0.1], [0.9, 0.1]])
    predictions = {"label": np.array([0, 1]), "logits": {"student": logits}}
    told = stages(report, stages_of(report), predictions, 1000)
    assert told["title"] == "Teacher, baseline, student" and told["most"] == 560000
    errors = [row["calibration_error"] for row in told["rows"]]
    assert errors == [None, None, pytest.approx(0.4)]
    assert told["rows"][0]["wrong"] == "5 of 500 wrong"
    assert "student.keras takes 1.0 kB." in told["note"]
    assert stages({}, [], None, None) is None


def test_titles_name_a_few_and_count_many():
    few = {"stages": {name: {"accuracy": 1.0} for name in ("big", "distil")}}
    assert stages(few, stages_of(few), None, None)["title"] == "Big, student"
    many = {"stages": {f"s{index}": {"accuracy": 1.0} for index in range(6)}}
    told = stages(many, stages_of(many), None, None)
    assert told["title"] == "6 stages" and told["most"] == 0


def test_what_stays_behind_is_told():
    beside = {"peer": {"accuracy": 0.5, "parameters": 1234}}
    report = {
        "stages": {"first": {"accuracy": 1.0}, "distil": {"accuracy": 1.0, "beside": beside}},
        "ensemble": {"accuracy": 0.25, "members": {"first": 0.2, "distil": 0.1}},
    }
    note = stages(report, stages_of(report), None, None)["note"]
    assert "'peer' was trained, which stays behind: 50.00 % right, 1,234 parameters." in note
    assert "The mean of the logits of first, distil is right on 25.00 % of the test images." in note
