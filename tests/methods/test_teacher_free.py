"""Teacher-free distillation against the public implementation in NumPy; no teacher at all."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd.methods import TeacherFreeKD

LABELS = np.array([0, 3, 4, 1, 1, 2])


@pytest.mark.parametrize("temperature", [1.0, 20.0])
def test_k_times_the_public_implementation(logits, numpy, temperature):
    def reference(s, _):
        virtual = np.full((6, 5), 0.01 / 4)
        virtual[np.arange(6), LABELS] = 0.99
        p = numpy.softmax(virtual / temperature)
        # Its KLDivLoss() takes the mean over B * K elements.
        mean = (p * (np.log(p) - np.log(numpy.softmax(s["logits"])))).mean(1)
        return 5 * mean

    batch = {"labels": tf.constant(LABELS)}
    numpy.check(TeacherFreeKD(temperature=temperature), reference, *logits, batch=batch)


def test_an_auxiliary_head_needs_no_layer_of_a_teacher(logits, numpy):
    student, teacher = logits
    batch = {"labels": tf.constant(LABELS)}
    head = {"logits": np.zeros_like(student), "early": student}
    found = numpy.loss_of(TeacherFreeKD(student_taps=["early"]), head, teacher, batch=batch)
    expected = numpy.loss_of(TeacherFreeKD(), student, teacher, batch=batch)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_it_trains_with_no_teacher():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    kd = keras_kd.KDModel(model, methods=TeacherFreeKD())
    kd.compile("sgd")
    before = model.get_weights()[0]
    kd.fit(np.eye(4, dtype="float32"), np.array([0, 1, 2, 0]), verbose=0)
    assert np.abs(model.get_weights()[0] - before).max() > 0


def test_bad_input_is_refused(logits, numpy):
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1"):
        TeacherFreeKD(confidence=1.0)
    with pytest.raises(ValueError, match="confidence must exceed 1 / K"):
        numpy.build(TeacherFreeKD(confidence=0.1), *logits)
    with pytest.raises(ValueError, match="TeacherFreeKD needs labels"):
        numpy.loss_of(TeacherFreeKD(), *logits)
