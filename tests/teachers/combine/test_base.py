"""What all combinations share: weights, names, the mean of softened probabilities."""

import numpy as np
import pytest
from scipy.special import logsumexp, softmax

from keras_kd.teachers import combine
from keras_kd.teachers.combine.base import check_temperature, log_mean_probability, shares

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(3, 5, 4)) * 3


def test_the_mean_of_softened_probabilities():
    """At its temperature KL to it is the weighted sum of the KLs to each, but for a constant."""
    weights, temperature = np.array([0.5, 0.2, 0.3]), 4.0
    found = log_mean_probability(
        LOGITS.astype("float32"), np.log(weights).astype("float32")[:, None], temperature
    )
    expected = np.tensordot(weights, softmax(LOGITS / temperature, axis=-1), 1)
    np.testing.assert_allclose(softmax(found / np.float32(temperature), -1), expected, atol=1e-6)
    log_q = [z - logsumexp(z) for z in RNG.normal(size=(4, 4))]
    p = softmax(LOGITS[:, 0] / temperature, axis=-1)
    each = [sum(w * (q * (np.log(q) - s)).sum() for w, q in zip(weights, p)) for s in log_q]
    one = [(expected[0] * (np.log(expected[0]) - s)).sum() for s in log_q]
    np.testing.assert_allclose(np.subtract(each, one), each[0] - one[0], atol=1e-12)


def test_weights_are_shares():
    assert shares([1, 3], 2) == [0.25, 0.75] and shares(None, 4) == [0.25] * 4
    for weights in ([1.0], [1.0, 0.0], [1.0, float("nan")], [1.0, 2.0, 3.0]):
        with pytest.raises(ValueError, match="one positive number per teacher, 2 in all"):
            shares(weights, 2)


def test_refusals():
    with pytest.raises(
        ValueError, match=r"must be one of .*Received: name='confidnce'.*confidence"
    ):
        combine.get("confidnce", 2)
    with pytest.raises(ValueError, match=r"takes temperature, weights. Received: temprature"):
        combine.get("mean_probabilities", 2, temprature=2.0)
    with pytest.raises(ValueError, match="finite and above 0"):
        check_temperature(0)
    with pytest.raises(ValueError, match="Combine them by 'unite_classes'"):
        combine.get("mean_logits", 2, [[0, 1], None], 3)
