"""Dropout masks as a function of (seed, step): no history, however the steps are run."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd import KDModel
from keras_kd.distillation.seeds import generator_states
from keras_kd.methods import Method


class Noise(keras.layers.Layer):
    """Draws twice a call, from one generator in a list."""

    def __init__(self):
        super().__init__()
        self.generators = [keras.random.SeedGenerator(5)]

    def call(self, x):
        return x + sum(keras.random.normal(keras.ops.shape(x), seed=g) for g in self.generators * 2)


class Remember(Method):
    """Keeps the student's logits of the newest step: the network below passes its noise on."""

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        self.seen = self.add_weight(shape=(4, 3), trainable=False, initializer="zeros", name="seen")
        self.own = keras.random.SeedGenerator(9)
        super().build(batch_shape, student_shape, teacher_shape)

    def call(self, batch, student, teacher):
        self.seen.assign(student["logits"] + keras.random.uniform((4, 3), seed=self.own))
        return 0.0 * keras.ops.sum(student["logits"], axis=-1)


def model(seed):
    keras.utils.set_random_seed(3)
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5), Noise()])
    noise = keras.layers.GaussianNoise(1.0)
    # A weight to train, that passes on what it sees.
    same = keras.layers.Dense(3, use_bias=False, kernel_initializer="identity")
    student = keras.Sequential([keras.Input((3,)), inner, noise, same])
    teacher = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    return KDModel(student, teacher, Remember(), seed=seed)


def seen(seed, start, stop, **compiled):
    """What the method saw in the last of the steps [start, stop)."""
    kd = model(seed)
    kd.compile("sgd", **compiled)
    kd.go_on_from(start)
    data = tf.data.Dataset.from_tensors(np.ones((4, 3), "float32")).repeat()
    kd.fit(data, steps_per_epoch=stop - start, verbose=0)
    return kd.methods[0].seen.numpy()


def test_all_generators_are_found_nested_ones_and_the_methods_too():
    kd = model(seed=1)
    assert len(generator_states([kd.student, *kd.methods])) == 4


def test_a_step_does_not_depend_on_the_steps_before():
    whole = seen(7, 0, 6)
    np.testing.assert_array_equal(seen(7, 5, 6), whole)
    assert np.abs(seen(7, 4, 5) - whole).min() > 0
    assert np.abs(seen(8, 5, 6) - whole).min() > 0


@pytest.mark.parametrize("compiled", [{"jit_compile": True}, {"steps_per_execution": 2}])
def test_nor_when_steps_are_compiled_or_run_together(compiled):
    """XLA draws by an algorithm of its own, so it agrees with itself alone."""
    whole = seen(7, 0, 6, **compiled)
    np.testing.assert_array_equal(seen(7, 4, 6, **compiled), whole)
    if "jit_compile" not in compiled:
        np.testing.assert_array_equal(seen(7, 0, 6), whole)


def test_without_a_seed_keras_goes_on_counting():
    assert np.abs(seen(None, 0, 6) - seen(None, 5, 6)).min() > 0
