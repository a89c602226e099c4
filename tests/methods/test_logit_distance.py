"""Distances of logits and of log-probabilities, against big_vision's formulas in NumPy."""

import numpy as np
import pytest

from keras_kd.methods import LogitL2, LogSoftmaxDistance


def test_half_the_squared_distance(logits, numpy):
    numpy.check(LogitL2(), lambda s, t: 0.5 * ((s["logits"] - t["logits"]) ** 2).sum(-1), *logits)


def test_distance_of_log_probabilities(logits, numpy):
    def reference(s, t):
        gap = np.log(numpy.softmax(s["logits"])) - np.log(numpy.softmax(t["logits"]))
        return np.sqrt((gap**2).sum(-1) + 1e-12)

    numpy.check(LogSoftmaxDistance(), reference, *logits)


def test_log_probabilities_do_not_see_a_shift_of_the_logits(logits, numpy):
    student, _ = logits
    loss = numpy.loss_of(LogSoftmaxDistance(), student, student + 7.0)
    np.testing.assert_allclose(loss, 0.0, atol=1e-5)


@pytest.mark.parametrize("cls", [LogitL2, LogSoftmaxDistance])
def test_other_class_counts_are_refused(cls, numpy):
    with pytest.raises(ValueError, match=rf"{cls.__name__} compares class by class"):
        numpy.build(cls(), np.zeros((2, 5)), np.zeros((2, 7)))
