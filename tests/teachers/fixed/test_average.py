"""The mean of a teacher's answers does not depend on how the views come."""

import numpy as np
import pytest
from tiny_fixed import probabilities

from keras_kd.teachers.fixed.average import Average


@pytest.mark.parametrize("crops", [1, 3, 8])
def test_the_mean_does_not_depend_on_how_views_come(crops):
    logits = np.random.default_rng(0).normal(0, 5, (6 * crops, 4)).astype(np.float32)
    want = logits if crops == 1 else np.log(probabilities(logits).reshape(6, crops, 4).mean(1))
    for size in (1, 4, 7, 48):
        average = Average(6, crops)
        for start in range(0, len(logits), size):
            average.add(logits[start : start + size])
        np.testing.assert_allclose(average.targets, want, rtol=1e-5)


def test_a_class_without_any_probability_has_a_finite_target():
    average = Average(1, 2)
    average.add(np.array([[0.0, -1e4], [0.0, -1e4]], np.float32))
    assert average.targets[0, 0] == 0 and -1e3 < average.targets[0, 1] < -700
