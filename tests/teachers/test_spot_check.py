"""The comparison of stored targets with a live teacher, against closed forms."""

import numpy as np
import pytest

from keras_kd.teachers.spot_check import LARGEST_GAP, check_gap, gap, softmax


def test_the_gap_is_the_mean_difference_of_the_likeliest_class():
    stored = np.log([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    live = np.log([[0.6, 0.1, 0.3], [0.3, 0.2, 0.5]])
    assert gap(stored, live) == pytest.approx((0.1 + 0.3) / 2)
    assert gap(stored + 7.0, live - 3.0) == pytest.approx(0.2)  # a constant a row says nothing
    assert gap(stored, stored) == 0.0


def test_one_logit_is_two_classes():
    z, other = np.array([[2.0], [-1.0]]), np.array([[0.5], [-1.0]])
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    assert gap(z, other) == pytest.approx((sigmoid(2.0) - sigmoid(0.5)) / 2)
    np.testing.assert_allclose(softmax(z)[:, 1], sigmoid(z[:, 0]))


def test_other_classes_are_as_far_as_can_be():
    assert gap(np.zeros([2, 3]), np.zeros([2, 4])) == 1.0


@pytest.mark.parametrize("found", [LARGEST_GAP + 0.01, 1.0, float("nan")])
def test_what_rounding_does_not_explain_is_refused(found):
    check_gap(LARGEST_GAP, "", "")
    with pytest.raises(ValueError, match=r"^The file: the probability .* differs by .* Delete it"):
        check_gap(found, "The file:", "Delete it.")
