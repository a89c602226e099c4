"""Learning without forgetting: its formula, its limits, and networks that do not fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_schemes import WIDTH, batch, linear

from keras_kd import KDModel
from keras_kd.methods import LearningWithoutForgetting
from keras_kd.models import extend
from keras_kd.models.some_classes import UNKNOWN, knowing

OLD, NEW, ALL = [0, 2], [1, 3, 4], 5


def formula(softmax, temperature, old):
    """-sum_k p'_k log q'_k, p' and q' the softmaxes to the power 1 / T, renormalised."""

    def sharpened(z):
        power = softmax(z) ** (1 / temperature)
        return power / power.sum(axis=-1, keepdims=True)

    def reference(student, teacher):
        q, p = sharpened(student["logits"][:, old]), sharpened(teacher["logits"][:, old])
        return -(p * np.log(q)).sum(axis=-1)

    return reference


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_value_and_gradient(temperature, logits, numpy):
    method = LearningWithoutForgetting(temperature, old_classes=OLD)
    numpy.check(method, formula(numpy.softmax, temperature, OLD), *logits)


def test_an_old_network_of_fewer_logits_knows_the_first_classes(logits, numpy):
    student, teacher = logits
    found = numpy.loss_of(LearningWithoutForgetting(2.0), student, teacher[:, :3])
    reference = formula(numpy.softmax, 2.0, [0, 1, 2])
    expected = reference({"logits": student}, {"logits": teacher})
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_at_temperature_1_it_is_the_cross_entropy_of_the_answers(logits, numpy):
    student, teacher = logits
    found = numpy.loss_of(LearningWithoutForgetting(1.0), student, teacher)
    log_q = np.log(numpy.softmax(student))
    np.testing.assert_allclose(found, -(numpy.softmax(teacher) * log_q).sum(-1), rtol=1e-5)


def test_the_old_network_itself_has_forgotten_nothing(rng, numpy):
    """What is left is the entropy of its own answers, and nothing moves."""
    old = 3 * rng.normal(size=(6, ALL))
    method = numpy.build(LearningWithoutForgetting(2.0, old_classes=OLD), old, old)
    logits = tf.Variable(old, dtype=tf.float32)
    with tf.GradientTape() as tape:
        loss = method({}, {"logits": logits}, {"logits": tf.constant(old, tf.float32)})
    p = numpy.softmax(old[:, OLD] / 2)
    np.testing.assert_allclose(loss, -(p * np.log(p)).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(loss, logits), 0.0, atol=1e-6)


def labelled(step):
    """Images of one pixel, of new classes."""
    x, y = batch(step)
    return x[:, None, None], tf.gather(NEW, y)


def matrix(outputs):
    keras.utils.set_random_seed(1)
    images = keras.Input((1, 1, WIDTH))
    flat = keras.layers.Flatten()(images)
    return keras.Model(images, keras.layers.Dense(outputs, use_bias=False)(flat))


def taught(methods, label_weight=1.0):
    """(model, its kernel as it began) of a matrix that has learned the old classes."""
    old = knowing(matrix(len(OLD)), OLD, ALL)
    student = extend(old)
    kd = KDModel(student, old, methods, label_weight, label_classes=NEW)
    kd.compile(keras.optimizers.SGD(0.3))
    return kd, student.get_weights()[0].astype("float64")


def test_steps_move_old_rows_by_the_answers_and_new_ones_by_the_labels(numpy):
    kd, w = taught(LearningWithoutForgetting(2.0, weight=0.5))
    past = w[:, OLD].copy()
    for step in range(3):
        x, y = (each.numpy() for each in labelled(step))
        kd.train_on_batch(x, y)
        x, truth = x[:, 0, 0].astype("float64"), np.eye(ALL)[y][:, NEW]
        slope = np.zeros((len(x), ALL))
        kept = numpy.softmax(x @ w[:, OLD] / 2) - numpy.softmax(x @ past / 2)
        slope[:, OLD] = 0.5 * kept / 2
        slope[:, NEW] = numpy.softmax(x @ w[:, NEW]) - truth
        w = w - 0.3 * x.T @ slope / len(x)
    np.testing.assert_allclose(kd.student.get_weights()[0], w, atol=1e-6)


def test_without_weight_it_is_the_labels_alone():
    found = []
    for methods in (LearningWithoutForgetting(weight=0.0), None):
        kd, _ = taught(methods)
        for step in range(3):
            kd.train_on_batch(*labelled(step))
        found.append(kd.student.get_weights()[0])
    np.testing.assert_array_equal(*found)


def test_the_graph_of_the_teacher_tells_the_old_classes():
    kd, _ = taught(LearningWithoutForgetting(), 0.0)
    before = kd.student.get_weights()[0] * np.arange(1, ALL + 1, dtype="float32")
    kd.student.set_weights([before])
    kd.train_on_batch(labelled(0)[0])
    after = kd.student.get_weights()[0]
    np.testing.assert_array_equal(after[:, NEW], before[:, NEW])
    assert (np.abs(after - before)[:, OLD] > 1e-4).all(axis=0).all()


def test_unknown_logits_of_the_teacher_are_never_seen(logits, numpy):
    student, teacher = logits
    blind = teacher.copy()
    blind[:, NEW] = UNKNOWN
    one, other = (numpy.loss_of(LearningWithoutForgetting(old_classes=OLD), student, t)
                  for t in (teacher, blind))  # fmt: skip
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("student", "teacher", "old", "words"), [
    (3, 5, None, r"a teacher of 5 logits and 5 old classes, and a student of 3"),
    (5, 2, [0, 1, 2], r"a teacher of 2 logits and 3 old classes"),
    (5, 5, [0, 5], r"from 0 up to 4, each once. Received: old_classes=\[0, 5\]"),
])  # fmt: skip
def test_networks_that_do_not_fit(student, teacher, old, words):
    method = LearningWithoutForgetting(old_classes=old)
    with pytest.raises(ValueError, match=words):
        KDModel(linear(WIDTH, student, 1), linear(WIDTH, teacher, 2), method)


@pytest.mark.parametrize("arguments", [{"temperature": 0}, {"old_classes": [1, 1]},
                                       {"old_classes": [-1]}])  # fmt: skip
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        LearningWithoutForgetting(**arguments)
