"""What labels say about one model, against scikit-learn, batch by batch."""

import numpy as np
import pytest
from sklearn import metrics

from keras_kd.evaluation.scores import ModelScores


def test_scores_equal_scikit_learns_whatever_the_batches():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(90, 4)), rng.integers(0, 3, 90)  # none of class 3
    scores = ModelScores(4)
    for rows in np.split(np.arange(90), [1, 40]):
        scores.update(labels[rows], logits[rows])
    found, answers = scores.result("teacher"), logits.argmax(-1)
    assert found.keys() == {"teacher_accuracy", "teacher_ece", "teacher_per_class"}
    assert found["teacher_accuracy"] == metrics.accuracy_score(labels, answers)
    recall = metrics.recall_score(labels, answers, average=None, labels=range(3))
    assert found["teacher_per_class"] == [*recall, None]


def test_without_labels_there_are_no_scores():
    assert ModelScores(3).result("student") == {}


@pytest.mark.parametrize(("labels", "told"), [([0, 3], "0 to 3"), ([-1, 2], "-1 to 2")])
def test_labels_of_other_classes_are_refused(labels, told):
    with pytest.raises(ValueError, match=rf"0 to 2\. Received: labels from {told}\."):
        ModelScores(3).update(labels, np.zeros((2, 3)))
