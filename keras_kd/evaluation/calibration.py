"""Calibration: whether a model is right as often as it is sure.

Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv 1706.04599.
"""

import numpy as np

from keras_kd.models.output import two_classes
from keras_kd.utils.integers import check_integer

NUM_BINS = 15  # the paper's
ROUNDING = 1e-6  # of a bin


def expected_calibration_error(labels, logits, num_bins=NUM_BINS):
    """Mean distance of accuracy and confidence over bins of equal width, weighted by their sizes.

    Args:
        labels: int `[N]`, classes in [0, K).
        logits: `[N, K]`; one logit z is two classes, [0, z].
        num_bins: number of bins (0, 1/M], (1/M, 2/M], ... of the confidence, at least 1.

    Returns:
        float in [0, 1]: 0 where each bin is right as often as it is sure, on average.

    Raises:
        ValueError: no examples, or no bins.
    """
    error = CalibrationError(num_bins)
    error.update(labels, logits)
    return error.result()


class CalibrationError:
    """The expected calibration error, batch by batch: the bins' sums are all that it needs.

    Args:
        num_bins: number M of bins of the confidence, at least 1.

    Attributes:
        counts: int `[M]`, the examples of each bin.
        right: int `[M]`, those of them that were answered rightly.
        sure: float `[M]`, the sum of their confidences.
    """

    def __init__(self, num_bins=NUM_BINS):
        check_integer("num_bins", num_bins)
        self.right = np.zeros(num_bins, np.int64)
        self.sure = np.zeros(num_bins, np.float64)
        self.counts = np.zeros(num_bins, np.int64)

    def update(self, labels, logits):
        """Adds the examples of a batch, as for `expected_calibration_error`."""
        logits, num_bins = two_classes(np.asarray(logits, np.float64)), len(self.right)
        # The largest probability is 1 / sum(exp(z - max z)): never above 1, never 0.
        largest = logits.max(-1, keepdims=True)
        confidence = 1.0 / np.exp(logits - largest).sum(-1)
        # Bins are closed above; what lies on an edge but for float32's rounding is on it.
        bins = np.maximum(np.ceil(confidence * num_bins - ROUNDING).astype(np.int64) - 1, 0)
        right = logits.argmax(-1) == np.asarray(labels)
        self.right += np.bincount(bins[right], minlength=num_bins)
        self.sure += np.bincount(bins, confidence, num_bins)
        self.counts += np.bincount(bins, minlength=num_bins)

    def result(self):
        """The error over all examples so far, a float in [0, 1]."""
        seen = self.counts.sum()
        if not seen:
            raise ValueError("The calibration error of no examples is not defined. Received: N=0.")
        return float(np.abs(self.right - self.sure).sum() / seen)
