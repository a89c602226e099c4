"""Sources: one that draws, logits that come with the batch, images that a generator made."""

import keras
import numpy as np
import small_schemes
import tensorflow as tf
from small_schemes import batch, deep

from keras_kd import KDModel
from keras_kd.methods import SoftTargets


class OneOfThree:
    """A teacher drawn at every step; only that one runs."""

    name = "one_of_three"

    def __init__(self, networks):
        self.networks = networks
        self.output = networks[0].output
        self.input_shape = networks[0].input_shape

    def outputs_at(self, images, seed, labels=None):
        index = tf.random.stateless_uniform((), seed, 0, len(self.networks), tf.int32)
        runs = [lambda n=n: n(images, training=False) for n in self.networks]
        return tf.switch_case(index, runs)


def trained(first, last, kd=None):
    if kd is None:
        kd = KDModel(deep(1), OneOfThree([deep(s) for s in (2, 3, 4)]), SoftTargets(), seed=5)
        kd.compile(keras.optimizers.SGD(0.3))
        kd.go_on_from(first)
    losses = []
    for step in range(first, last):
        losses.append(float(kd.train_on_batch(batch(step)[0], return_dict=True)["loss"]))
    return kd, losses


def test_a_source_that_draws_depends_on_seed_and_step_alone():
    whole, losses = trained(0, 6)
    half, _ = trained(0, 3)
    again, _ = trained(3, 3)
    for name, variable in half.state().items():
        again.state()[name].assign(variable)
    again, rest = trained(3, 6, again)
    assert rest == losses[3:]
    for a, b in zip(whole.student.get_weights(), again.student.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    # Not always the same one.
    x = batch(0)[0]
    drawn = {whole.teacher.outputs_at(x, (5, step)).numpy().tobytes() for step in range(20)}
    assert len(drawn) == 3


def test_any_sources_logits_may_come_with_the_batch():
    weights = []
    for stored in (False, True):
        small = deep(3)
        kd = KDModel(deep(1), deep(2), SoftTargets(source="small"), sources={"small": small})
        kd.compile(keras.optimizers.SGD(0.3))
        x = batch(0)[0]
        kd.train_on_batch({"image": x, "small_logits": small(x)} if stored else x)
        weights.append(kd.student.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_sources_run_once_a_step_whoever_looks_at_them():
    runs = []

    class Counted(OneOfThree):
        def outputs_at(self, images, seed, labels=None):
            runs.append(1)  # while the step is traced
            return self.networks[0](images, training=False)

    methods = [
        SoftTargets(),
        SoftTargets(learner="peer"),
        small_schemes.Fool(),
        small_schemes.Gap(),
    ]
    kd = KDModel(deep(1), Counted([deep(2)]), methods, learners={"peer": deep(3)})
    kd.compile("sgd")
    kd.train_on_batch(batch(0)[0])
    assert len(runs) == 1
