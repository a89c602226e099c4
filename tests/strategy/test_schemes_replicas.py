"""Peers, critics and generators on two replicas: the same as on one, the last batch uneven."""

import keras
import numpy as np
import pytest
from small_schemes import SCHEMES, data, values

SIZES = (8, 8, 7)


def train(strategy, scheme):
    with strategy.scope():
        kd = SCHEMES[scheme]()
        rates = zip(kd.learners, (0.2, 0.1))
        kd.compile({name: keras.optimizers.SGD(rate, momentum=0.9) for name, rate in rates})
    logs = kd.fit(data(0, len(SIZES), SIZES), verbose=0).history
    copies = [strategy.experimental_local_results(v.value) for v in kd.state().values()]
    return values(kd), logs, copies


@pytest.mark.parametrize("scheme", SCHEMES)
def test_two_replicas_equal_one(make_strategy, scheme):
    one, one_logs, _ = train(make_strategy(1), scheme)
    two, two_logs, copies = train(make_strategy(2), scheme)
    assert one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_allclose(value, two[name], rtol=0, atol=1e-5, err_msg=name)
    for first, second in copies:
        np.testing.assert_array_equal(first.numpy(), second.numpy())
    assert one["step"] == len(SIZES)
    assert one_logs.keys() == two_logs.keys()
    for name, value in one_logs.items():
        assert value == pytest.approx(two_logs[name], abs=1e-5), name
