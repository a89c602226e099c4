"""Confusion and reliability of answers that are known."""

import re

import numpy as np

from keras_kd.export import answers
from keras_kd.export.pictures import softmax


def kept(label, teacher, student, classes, height=3.0):
    """Predictions as `read_predictions` gives them, of networks that answer these classes."""
    logits = {
        "student": height * np.eye(classes)[student],
        "teacher": height * np.eye(classes)[teacher],
    }
    return {
        "label": np.array(label),
        **{who: softmax(values) for who, values in logits.items()},
        "logits": logits,
    }


def test_confusion_of_few_classes():
    found = answers.confusion(kept([0, 0, 1, 2], [0, 0, 1, 2], [0, 1, 1, 1], 3), ["a", "b"])
    assert found["names"] == ["a", "b", "class 2"]
    counts = [[count for count, _ in row] for row in found["rows"]]
    assert counts == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]  # row: teacher, column: student
    assert [heat for _, heat in found["rows"][0]] == [70, 70, 0]


def test_confusion_of_many_classes_is_a_list_of_pairs():
    label, teacher = [0, 1, 5, 7, 19], [0, 0, 0, 7, 19]
    found = answers.confusion(kept(label, teacher, [1, 1, 1, 8, 19], 20), [])["pairs"]
    assert found == [
        {"teacher": "class 0", "student": "class 1", "images": 3, "teacher_right": 1,
         "student_right": 1},
        {"teacher": "class 7", "student": "class 8", "images": 1, "teacher_right": 1,
         "student_right": 0},
    ]  # fmt: skip


def test_confusion_that_there_is_not():
    assert answers.confusion(None, []) is None
    same = kept([0, 1], [0, 1], [0, 1], 2)
    assert answers.confusion(same, []) is None
    assert answers.confusion(same | {"teacher": None}, []) is None


def test_reliability():
    # exp(3) / (exp(3) + 1) = 0.9526 sure, and right on three and on one of four images.
    found = answers.reliability(kept([0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0], 2))
    assert "The student is 70.26 points too sure on average." in found["note"]
    assert "The teacher is 20.26 points too sure on average." in found["note"]
    title, svg = found["figure"]
    assert title in svg and "var(--teacher)" in svg and "var(--student)" in svg
    assert not re.search("#02[0-9a-f]{4}", svg)
    assert answers.reliability(None) is None


def test_reliability_of_who_is_not_sure_enough():
    found = answers.reliability(kept([0, 1], [0, 1], [0, 1], 2, height=0.0) | {"label": [0, 0]})
    assert "The student is 50.00 points not sure enough on average." in found["note"]
