"""Accuracy on some of the classes, counted by hand."""

from keras_kd.evaluation.groups import group_accuracy

LOGITS = [[3, 2, 1, 0], [3, 2, 1, 0], [0, 1, 3, 2], [0, 3, 2, 1], [9, 0, 1, 2]]
LABELS = [0, 1, 2, 2, 3]


def test_told_the_classes_and_not_told():
    assert group_accuracy(LOGITS, LABELS, [0, 1]) == {"told": 0.5, "all": 0.5}
    # The fourth image is taken for class 1, the last for class 0, by who is not told.
    assert group_accuracy(LOGITS, LABELS, [2, 3]) == {"told": 1.0, "all": 1 / 3}
    assert group_accuracy(LOGITS, LABELS, [0, 1, 2, 3]) == {"told": 0.4, "all": 0.4}


def test_of_no_image_there_is_nothing_to_tell():
    assert group_accuracy(LOGITS[:2], LABELS[:2], [2, 3]) == {"told": None, "all": None}
