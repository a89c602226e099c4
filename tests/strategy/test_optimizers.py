"""Our optimizers on two replicas make exactly the steps that they make on one."""

import keras
import numpy as np
import pytest
from test_replicas import train

from keras_kd.optimizers import AdamW, Shampoo

OPTIMIZERS = {
    "shampoo": lambda: Shampoo(
        0.01, weight_decay=1e-3, start=1, interval=2, matrix_epsilon=1e-4, global_clipnorm=1.0
    ),
    "adamw in bfloat16": lambda: AdamW(0.01, 1e-3, epsilon=1e-4, momentum_dtype="bfloat16"),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_two_replicas_equal_one(make_strategy, name):
    one, _ = train(make_strategy(1), optimizer=OPTIMIZERS[name])
    two, _ = train(make_strategy(2), optimizer=OPTIMIZERS[name])
    for a, b in zip(one, two):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


def test_state_is_the_same_on_both_replicas(make_strategy):
    strategy = make_strategy(2)
    made = []

    def make():
        made.append(OPTIMIZERS["shampoo"]())
        return made[-1]

    train(strategy, optimizer=make)
    names = {variable.name.split("_")[0] for variable in made[0].variables}
    assert {"statistics", "roots"} <= names
    for variable in made[0].variables:
        values = [v.numpy() for v in strategy.experimental_local_results(variable.value)]
        assert len(values) == 2
        np.testing.assert_array_equal(*values, err_msg=variable.path)


def test_shampoo_under_loss_scaling_on_two_replicas(make_strategy):
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        one, _ = train(make_strategy(1), dtype="mixed_float16", optimizer=OPTIMIZERS["shampoo"])
        two, _ = train(make_strategy(2), dtype="mixed_float16", optimizer=OPTIMIZERS["shampoo"])
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    for a, b in zip(one, two):
        np.testing.assert_allclose(a, b, atol=2e-3)
