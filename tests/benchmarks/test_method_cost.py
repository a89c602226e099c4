"""The cost of a method's step, measured on tiny networks and made-up images."""

import method_cost
import numpy as np
import pytest

from keras_kd.configs.methods import crd, soft_targets


def tiny(module):
    config = module.get_config()
    config.batch_size, config.data.resolution = 4, 8
    config.teacher.model.kwargs.update({"depth": 8, "width": 0.5})
    config.student.model.kwargs.update({"depth": 8, "width": 0.25})
    return config


@pytest.mark.slow
def test_a_cost_is_a_ratio_of_measured_seconds():
    found = method_cost.compare(tiny(crd), tiny(soft_targets), rounds=2, steps=1)
    assert set(found) == {"ratio", "quartiles", "seconds", "plain_seconds"}
    assert found["seconds"] > 0 and found["plain_seconds"] > 0
    low, high = found["quartiles"]
    # Of two rounds the median is the middle, and the quartiles lie halfway to either.
    assert low <= found["ratio"] <= high
    assert found["ratio"] == pytest.approx(np.mean(found["quartiles"]))
