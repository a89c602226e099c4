"""Followers: they come after the step, see what it gave, and may be followed in turn."""

import keras
import numpy as np
import pytest
from small_schemes import batch, deep

from keras_kd import KDModel
from keras_kd.distillation.averaging import Average, decay_at
from keras_kd.distillation.followers import Follower
from keras_kd.methods import SoftTargets


class Notes(Follower):
    """Notes the step and the student's first logit."""

    def begin(self, learners):
        self.seen = self.add_weight(shape=(2,), initializer="zeros", trainable=False, name="seen")

    def after_step(self, steps, batch, outputs):
        first = outputs[self.follows]["logits"][0, 0]
        self.seen.assign(keras.ops.stack([keras.ops.cast(steps, "float32"), first]))


def test_a_follower_sees_the_step_and_its_outputs_and_is_in_the_state():
    kd = KDModel(deep(1), deep(2), SoftTargets(), followers=[Notes(name="notes")])
    kd.compile("sgd")
    x = batch(0)[0]
    logits = kd.student(x, training=True)
    kd.student.layers[2].moving_mean.assign(np.zeros(5))
    kd.train_on_batch(x)
    np.testing.assert_allclose(kd.state()["follower/notes/seen"], [1.0, logits[0, 0]], rtol=1e-5)


def test_an_average_may_be_the_source():
    """Mean teacher: the student follows its own average, which follows it."""
    average = Average(0.9, evaluated=False)
    kd = KDModel(deep(1), None, [SoftTargets(source="ema")], 1.0, followers=[average])
    assert kd.evaluated is kd.student
    kd.compile(keras.optimizers.SGD(0.5))
    before = [w.numpy() for w in average.network.weights]
    for step in range(2):
        logs = kd.train_on_batch(*batch(step), return_dict=True)
        keep = float(decay_at(step + 1, 0.9))
        student = kd.student.get_weights()
        before = [keep * a + (1 - keep) * w for a, w in zip(before, student, strict=True)]
        for a, w in zip(average.network.weights, before, strict=True):
            np.testing.assert_allclose(a.numpy(), w, rtol=1e-5, atol=1e-6)
    assert float(logs["soft_targets"]) > 0.0
    kd.finish()  # it only teaches: the student stays
    np.testing.assert_array_equal(kd.student.get_weights()[0], student[0])


def test_it_may_follow_any_learner_but_stands_for_the_student_alone():
    methods = [SoftTargets(learner=name) for name in ("student", "peer")]
    average = Average(0.9, follows="peer", evaluated=False, name="peer_ema")
    kd = KDModel(deep(1), deep(2), methods, learners={"peer": deep(3)}, followers=[average])
    kd.compile("sgd")
    kd.train_on_batch(batch(0)[0])
    assert "follower/peer_ema/functional/dense/kernel" in kd.state()
    with pytest.raises(ValueError, match=r"Only the student's average.*Give evaluated=False"):
        Average(0.9, follows="peer")
