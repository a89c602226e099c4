"""Networks by name: who may be called what, and what refers to them."""

import keras
import numpy as np
import pytest
import small_schemes
from small_schemes import batch, deep

from keras_kd import KDModel
from keras_kd.methods import Hint, Labels, SoftTargets


@pytest.mark.parametrize(
    ("methods", "arguments", "message"),
    [
        (SoftTargets(learner="peer"), {}, "learner of soft_targets must.*student, teacher.*'peer'"),
        (SoftTargets(source="big"), {}, "source of soft_targets must be.*Received: source='big'"),
        (SoftTargets(), {"learners": {"peer": 3}}, "Every learner needs a loss.*learner='peer'"),
        (SoftTargets(source="student"), {}, "compared with themselves.*source='student'"),
        (SoftTargets(learner="teacher"), {}, "'teacher' is a source and does not learn"),
        (SoftTargets(), {"learners": {"teacher": 3}}, "name of its own.*'teacher' twice"),
        (SoftTargets(), {"sources": {"my net": 3}}, "must be a word.*'my net'"),
        (Labels(learner="peer"), {"learners": {"peer": 3}}, "no method with learner='student'"),
    ],
)  # fmt: skip
def test_names_that_lead_nowhere_are_refused(methods, arguments, message):
    made = {role: {n: deep(s) for n, s in found.items()} for role, found in arguments.items()}
    with pytest.raises(ValueError, match=message):
        KDModel(deep(1), deep(2), methods, **made)


@pytest.mark.parametrize("name", ["the teacher", 3, None])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ValueError, match="must be the name of a network"):
        SoftTargets(source=name)


def test_a_learner_may_be_called_teacher():
    """Teacher and student that learn together."""
    methods = [SoftTargets(), Labels(learner="teacher")]
    kd = KDModel(deep(1), None, methods, learners={"teacher": deep(2)})
    kd.compile("sgd")
    logs = kd.train_on_batch(*batch(0), return_dict=True)
    assert set(logs) == {"loss", "teacher_loss", "soft_targets", "labels"}


def test_taps_are_those_of_the_learner_and_the_source():
    """Two peers of other layers, a hint each way, and the student's hint from itself."""

    def network(name, seed):
        keras.utils.set_random_seed(seed)
        images = keras.Input((small_schemes.WIDTH,))
        x = keras.layers.Dense(4, activation="tanh", name=f"{name}_inner")(images)
        return keras.Model(images, keras.layers.Dense(3, name=f"{name}_logits")(x))

    methods = [
        Hint(["a_inner"], ["b_inner"], source="peer"),
        Hint(["b_inner"], ["a_inner"], learner="peer", source="student"),
        Hint(["a_logits"], ["a_logits"], source="student", name="own"),
    ]
    kd = KDModel(network("a", 1), None, methods, learners={"peer": network("b", 2)})
    kd.compile("sgd")
    logs = kd.train_on_batch(batch(0)[0], return_dict=True)
    assert set(logs) == {"loss", "peer_loss", "hint", "hint_2", "own"}
    assert np.isfinite(list(logs.values())).all()
    assert {"a_inner", "a_logits"} == set(kd.networks["student"].taps)


def test_several_sources_come_as_a_dict():
    class Mean(SoftTargets):
        several_sources = True

        def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
            self.shapes = teacher_shape
            super().build(batch_shape, student_shape, teacher_shape["teacher"])

        def call(self, batch, student, teacher):
            logits = sum(each["logits"] for each in teacher.values()) / len(teacher)
            return super().call(batch, student, {"logits": logits})

    big, small = deep(2), deep(3)
    kd = KDModel(deep(1), big, Mean(source=("teacher", "small")), sources={"small": small})
    assert kd.methods[0].shapes == {n: {"logits": (None, 3)} for n in ("teacher", "small")}
    kd.compile(keras.optimizers.SGD(0.1))
    x = batch(0)[0]
    logits = (big(x, training=False) + small(x, training=False)) / 2
    stored = KDModel(deep(1), None, SoftTargets())
    stored.compile(keras.optimizers.SGD(0.1))
    stored.train_on_batch({"image": x, "teacher_logits": logits})
    kd.train_on_batch(x)
    for a, b in zip(kd.student.get_weights(), stored.student.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
