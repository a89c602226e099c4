"""What runs in a phase: gradients pass through what is inside, and through nothing else."""

import keras
import numpy as np
import pytest
import small_schemes
import tensorflow as tf
from small_schemes import batch, deep, values

from keras_kd import KDModel, teachers
from keras_kd.methods import Method, SoftTargets
from keras_kd.methods.phases import MAIN, Phase


def test_what_is_inside_passes_gradients_on_and_does_not_move():
    """The generator's phase alone: student and teacher have batch norm, and stay as they are."""
    kd = small_schemes.data_free()
    kd.compile({"student": keras.optimizers.SGD(0.0), "generator": keras.optimizers.SGD(0.1)})
    before = values(kd, "network/")
    teacher = [v.numpy() for v in kd.teacher.variables]
    kd.train_on_batch({"id": np.arange(8)})
    after = values(kd, "network/")
    moved = {name for name, value in after.items() if np.abs(value - before[name]).max() > 0}
    trained = {name for name in before if "/generator/" in name}
    # The student's averages move in its own phase, once.
    averages = {name for name in before if "/student/" in name and "moving" in name}
    assert moved == trained | averages
    for a, v in zip(teacher, kd.teacher.variables, strict=True):
        np.testing.assert_array_equal(a, v.numpy())


class Size(Method):
    """Half the squared length of the source's logits."""

    def __init__(self, inside):
        super().__init__(source="peer")
        self.inside = inside

    def phases(self):
        return [Phase(MAIN, inside=self.inside)]

    def call(self, batch, student, teacher):
        return 0.5 * keras.ops.sum(keras.ops.square(teacher["logits"]), axis=1)


@pytest.mark.parametrize("inside", [(), ("peer",)])
def test_a_learners_outputs_have_gradients_for_others_only_where_it_is_inside(inside):
    methods = [Size(inside), SoftTargets(), SoftTargets(learner="peer", source="student")]
    kd = KDModel(deep(1), deep(2), methods, learners={"peer": small_schemes.linear(4, 3, 3)})
    x, (one,) = batch(0)[0], kd._passes()
    kernel = kd.learners["peer"].trainable_variables[0]
    with tf.GradientTape() as tape:
        _, ran = one.run({"image": x})
        losses = one.losses({"image": x}, one.outputs({"teacher": ran["student"]}, ran))
        loss = keras.ops.sum(losses["size"])
    found = tape.gradient(loss, kernel.value)
    if not inside:
        assert found is None
    else:
        expected = x.numpy().T @ (x.numpy() @ kernel.numpy())
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_compiled_teacher_cannot_be_inside():
    images = keras.Input((4, 4, 1))
    net = keras.Model(images, keras.layers.Dense(3)(keras.layers.Flatten()(images)))
    frozen = teachers.freeze(net, batch_size=8, engine="graph")
    seek = small_schemes.Seek()
    with pytest.raises(ValueError, match=r"pass through 'teacher'.*FrozenTeacher.*folded"):
        KDModel(keras.models.clone_model(net), frozen, [seek, SoftTargets()])


def test_stored_targets_are_not_those_of_images_that_are_made():
    kd = small_schemes.data_free()
    kd.compile(dict.fromkeys(kd.learners, "sgd"))
    with pytest.raises(ValueError, match=r"Received: teacher_logits in the batch.*'generator'"):
        kd.train_on_batch({"id": np.arange(8), "teacher_logits": np.zeros((8, 3), "float32")})


def test_images_come_from_a_network_that_a_method_brings():
    class Wrong(SoftTargets):
        def phases(self):
            return [Phase(MAIN, images="teacher")]

    with pytest.raises(ValueError, match=r"Received: images='teacher' in phase 'main'"):
        KDModel(deep(1), deep(2), Wrong())
