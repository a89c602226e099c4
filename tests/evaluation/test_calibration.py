"""The expected calibration error against scikit-learn's reliability curve, and in its limits."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from keras_kd.evaluation import expected_calibration_error
from keras_kd.evaluation.calibration import CalibrationError


def sure_of(confidences):
    """Logits of two classes that give class 0 these probabilities."""
    return np.stack([np.log(confidences), np.log1p(-np.asarray(confidences))], axis=-1)


@pytest.mark.parametrize("num_bins", [1, 10, 15])
def test_equals_scikit_learns_curve_weighted_by_its_bins(num_bins):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 3, (500, 7)), rng.integers(0, 7, 500)
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    sure, right = probabilities.max(-1), probabilities.argmax(-1) == labels
    accuracy, confidence = calibration_curve(right, sure, n_bins=num_bins)
    sizes, _ = np.histogram(sure, np.linspace(0, 1, num_bins + 1))
    sizes = sizes[sizes > 0]
    expected = (sizes * np.abs(accuracy - confidence)).sum() / sizes.sum()
    found = expected_calibration_error(labels, logits, num_bins)
    assert found == pytest.approx(expected, rel=1e-9)
    assert 0.1 < found < 1


def test_a_model_that_is_right_as_often_as_it_is_sure_has_no_error():
    logits = sure_of([0.8] * 10 + [0.6] * 5)
    labels = [0] * 8 + [1] * 2 + [0] * 3 + [1] * 2
    assert expected_calibration_error(labels, logits) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_model_that_is_always_sure_errs_by_its_mistakes(share):
    logits = np.tile([80.0, 0.0, -1e4], (10, 1))
    labels = [0] * round(10 * share) + [2] * round(10 * (1 - share))
    assert expected_calibration_error(labels, logits) == pytest.approx(1 - share, abs=1e-12)


def test_a_model_that_knows_nothing_and_is_unsure_has_no_error():
    # All logits equal: it answers 0 with probability 1/4, and a quarter of the labels are 0.
    labels = [0, 1, 2, 3] * 5
    assert expected_calibration_error(labels, np.zeros((20, 4))) == pytest.approx(0, abs=1e-12)


def test_bins_are_closed_above():
    logits = sure_of([0.5, 0.5, 0.9, 0.9])
    # (0, 1/2]: right 2 of 2, sure 1.0 in all; (1/2, 1]: right 0 of 2, sure 1.8 in all.
    found = expected_calibration_error([0, 0, 1, 1], logits, num_bins=2)
    assert found == pytest.approx((1.0 + 1.8) / 4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_edges_by_hand(dtype):
    """Five bins: 0.6 belongs to (0.4, 0.6], 0.8 to (0.6, 0.8], and 0.81 and 1 to (0.8, 1]."""
    logits = np.concatenate([sure_of([0.5, 0.6, 0.7, 0.8, 0.81]), [[200.0, 0.0]]]).astype(dtype)
    labels = [0, 1, 1, 1, 0, 0]
    # (0.4, 0.6]: right 1, sure 1.1. (0.6, 0.8]: right 0, sure 1.5. (0.8, 1]: right 2, sure 1.81.
    # Closed below instead, it would be 0.5 + 0.7 + 0.61.
    found = expected_calibration_error(labels, logits, num_bins=5)
    assert found == pytest.approx((0.1 + 1.5 + 0.19) / 6, abs=1e-6)


def test_over_and_underconfidence_cancel_within_a_bin_but_not_across():
    logits = sure_of([0.9, 0.9, 0.6, 0.6])
    labels = [0, 1, 0, 0]  # too sure of the first two, too unsure of the others
    assert expected_calibration_error(labels, logits, 1) == pytest.approx(abs(3 - 3.0) / 4)
    assert expected_calibration_error(labels, logits, 10) == pytest.approx((0.8 + 0.8) / 4)


def test_ragged_batches_give_what_one_gives():
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(0, 2, (101, 5)), rng.integers(0, 5, 101)
    streamed = CalibrationError()
    for rows in np.split(np.arange(101), [1, 8, 50, 50, 97]):
        streamed.update(labels[rows], logits[rows])
    whole = expected_calibration_error(labels, logits)
    assert streamed.result() == pytest.approx(whole, rel=1e-12)


def test_nothing_to_measure_is_refused():
    with pytest.raises(ValueError, match="N=0"):
        CalibrationError().result()
    with pytest.raises(ValueError, match="num_bins=0"):
        expected_calibration_error([0], [[1.0, 0.0]], num_bins=0)


def test_the_bins_are_there_to_be_drawn():
    """Two classes: sure to 0.5, 0.75 and 0.75; the bins of fifths (0.4, 0.6] and (0.6, 0.8]."""
    error = CalibrationError(5)
    error.update([0, 0, 1], [[0, 0], [np.log(3), 0], [np.log(3), 0]])
    assert error.counts.tolist() == [0, 0, 1, 2, 0] and error.right.tolist() == [0, 0, 1, 1, 0]
    np.testing.assert_allclose(error.sure, [0, 0, 0.5, 1.5, 0], rtol=1e-12)
