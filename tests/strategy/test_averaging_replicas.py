"""Averaged weights on two replicas: each has the same, and the same as one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.data.assembly import options
from keras_kd.distillation.averaging import Average
from keras_kd.distillation.kd_model import KDModel
from keras_kd.methods import SoftTargets


def network(seed):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((4,))
    x = keras.layers.BatchNormalization(synchronized=True)(keras.layers.Dense(6)(inputs))
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.ReLU()(x)))


def train(strategy, several=1):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(48, 4)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, rng.integers(0, 3, 48))).batch(8)
    data = data.with_options(options())
    with strategy.scope():
        kd = KDModel(
            network(1), network(2), [SoftTargets()], fidelity=True, followers=[Average(0.5)]
        )
        kd.compile(
            keras.optimizers.SGD(0.5, momentum=0.9),
            metrics=["sparse_categorical_accuracy"],
            steps_per_execution=several,
        )
        kd.fit(data, verbose=0)
        logs = kd.evaluate(data, verbose=0, return_dict=True)
        copies = [
            [value.numpy() for value in strategy.experimental_local_results(weight.value)]
            for weight in kd.evaluated.weights
        ]
        kd.finish()
    return copies, kd.student.get_weights(), logs


@pytest.mark.parametrize("several", [1, 3])
def test_two_replicas_average_as_one_does(make_strategy, several):
    one, one_student, one_logs = train(make_strategy(1), several)
    two, two_student, two_logs = train(make_strategy(2), several)
    for (a,), copies in zip(one, two, strict=True):
        assert len(copies) == 2
        np.testing.assert_array_equal(*copies)
        np.testing.assert_allclose(a, copies[0], rtol=0, atol=1e-5)
    for a, b, (average, _) in zip(one_student, two_student, two, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(b, average)
    for name, value in one_logs.items():
        assert value == pytest.approx(two_logs[name], abs=1e-5), name
