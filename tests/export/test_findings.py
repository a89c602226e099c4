"""What the report tells of a log and of predictions: curves, disagreements and classes, by hand."""

import numpy as np

from keras_kd.export import findings, pictures
from keras_kd.export.facts import stages_of


def predictions(teacher, student, label):
    """Of K classes, each answer with nearly all of the probability."""
    count = 1 + max(*teacher, *student, *label)
    sure = 0.9 * np.eye(count) + 0.1 / count
    return {"label": np.array(label), "teacher": sure[teacher], "student": sure[student]}


def test_a_stage_has_a_curve_of_what_it_logged():
    records = [
        {"stage": "teacher", "step": 1, "loss": 2.0},
        {"stage": "teacher", "step": 2, "loss": 1.0},
        {"stage": "distil", "step": 1, "loss": 0.5, "val_accuracy": 0.5},
        {"stage": "distil", "step": 2, "loss": 0.4, "val_accuracy": 0.6},
    ]
    stages = stages_of({}, {}, ["teacher", "distil"])
    found = findings.learning(records, stages)
    assert [title for title, _ in found["figures"]] == [
        "Validation accuracy",
        "Training loss (log scale)",
    ]
    drawn = [sum(stage.colour in figure for stage in stages) for _, figure in found["figures"]]
    assert drawn == [1, 2]
    assert found["legend"] == [(stage.label, stage.colour) for stage in stages]
    assert findings.learning([], stages) is None


def test_where_there_is_nothing_to_show_it_says_why(tmp_path):
    assert findings.disagreement(tmp_path, None, []) is None
    same = predictions([0, 1], [0, 1], [0, 0])
    note = "Nowhere: they give the same answer on all 2 images."
    assert findings.disagreement(tmp_path, same, []) == {"note": note}
    told = findings.disagreement(tmp_path, same | {"teacher": None}, [])
    assert "teacher's predictions were not kept" in told["note"]


def test_a_disagreement_tells_both_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "fetch", lambda *args: ({}, "they are gone."))
    found = predictions([0, 1, 1], [0, 1, 0], [0, 1, 1])
    told = findings.disagreement(tmp_path, found, ["cat", "dog"])
    assert told["note"].startswith("On 1 of 3 test images, the surest first.")
    assert told["note"].endswith("The images cannot be shown: they are gone.")
    (one,) = told["pictures"]
    assert (one["index"], one["label"], one["address"]) == (2, "dog", None)
    # 0.9 and half of 0.1
    assert [(a["who"], a["name"], a["tone"], a["sure"]) for a in one["answers"]] == [
        ("teacher", "dog", "good", "95 %"),
        ("student", "cat", "bad", "95 %"),
    ]


def test_the_hardest_classes_come_first_and_twelve_are_shown():
    label = np.repeat(np.arange(14), 2)
    student = label.copy()
    student[[5, 8, 9]] = 0  # half of class 2, all of class 4
    told = findings.classes(predictions(label, student, label), [f"c{i}" for i in range(14)])
    assert (len(told["shown"]), len(told["rest"])) == (12, 2)
    first, second = told["shown"][:2]
    assert [first[key] for key in ("name", "images", "teacher", "student")] == ["c4", 2, 1.0, 0.0]
    assert second["name"] == "c2" and second["student"] == 0.5
    assert [row["tone"] for row in told["shown"][:3]] == ["bad", "bad", ""]
    assert first["gap"] == "\u2212100.00"
    assert findings.classes(None, []) is None
