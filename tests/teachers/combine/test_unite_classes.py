"""Classes of several teachers, against a least-squares solution by SciPy."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from keras_kd.models.some_classes import UNKNOWN
from keras_kd.teachers import combine

KNOWN = [[0, 1, 2], [2, 3, 4], [1, 4]]
WEIGHTS = [0.5, 0.3, 0.2]
RNG = np.random.default_rng(0)


def logits_of(truth=None):
    found = []
    for classes in KNOWN:
        own = RNG.normal(size=5) if truth is None else truth + RNG.normal()
        z = np.full(5, UNKNOWN)
        z[classes] = own[classes]
        found.append(z)
    return found


def asked(logits):
    one = combine.get("unite_classes", 3, KNOWN, 5, weights=WEIGHTS)
    return np.asarray(one([z[None].astype("float32") for z in logits]))[0]


def test_it_fits_all_teachers_best():
    logits = logits_of()

    def gap(values):
        u, b = values[:5], values[5:]
        return sum(w * ((u[c] + b[m] - z[c]) ** 2).sum()
                   for m, (w, c, z) in enumerate(zip(WEIGHTS, KNOWN, logits)))  # fmt: skip

    best = minimize(gap, np.zeros(8), tol=1e-12).x[:5]
    np.testing.assert_allclose(asked(logits), best - best.mean(), atol=1e-4)


def test_parts_of_one_teacher_are_put_together_again():
    """Each knows a part, and has a level of its own: the whole comes out."""
    truth = RNG.normal(size=5) * 3
    np.testing.assert_allclose(log_softmax(asked(logits_of(truth))), log_softmax(truth), atol=1e-4)


def test_teachers_of_all_classes_are_their_mean_of_logits():
    logits = RNG.normal(size=(2, 5, 4)).astype("float32")
    found = combine.get("unite_classes", 2, num_classes=4)(list(logits))
    np.testing.assert_allclose(log_softmax(found, -1), log_softmax(logits.mean(0), -1), atol=1e-5)


def test_teachers_that_share_no_class_are_each_centred():
    z = [np.array([[3.0, 1.0, UNKNOWN, UNKNOWN]]), np.array([[UNKNOWN, UNKNOWN, 9.0, 8.5]])]
    found = combine.get("unite_classes", 2, [[0, 1], [2, 3]], 4)([v.astype("float32") for v in z])
    np.testing.assert_allclose(found, [[1.0, -1.0, 0.25, -0.25]], atol=1e-4)


def test_classes_that_nobody_knows_are_refused():
    with pytest.raises(ValueError, match=r"none of whom knows 2 of the 5: those of index 3, 4\. "):
        combine.get("unite_classes", 2, [[0, 1], [1, 2]], 5)
