"""PS-KD: its target by the formula, two epochs step by step, its limits, and bad input."""

import keras
import numpy as np
import pytest
import small_schemes
import tensorflow as tf
from small_schemes import linear

from keras_kd import KDModel
from keras_kd.methods import PSKD
from keras_kd.methods.ps_kd import softened_labels

CLASSES, WIDTH, N = small_schemes.CLASSES, small_schemes.WIDTH, 6


def images(rng):
    return rng.normal(size=(N, WIDTH)).astype("float32"), rng.integers(0, CLASSES, N)


def batch(x, y, ids, first=0):
    return {"image": x[ids], "id": ids.astype("int64") + first}, y[ids]


def test_the_target_is_a_share_of_the_past_and_the_label_alone_at_first(numpy, logits):
    student, past = logits[0], numpy.softmax(logits[1])
    past[2] = 0.0
    labels = np.array([0, 4, 2, 1, 1, 3])
    method = PSKD(num_examples=9, first_id=3, alpha=0.8, total_steps=10)
    numpy.build(method, student, student)
    ids = np.array([8, 3, 5, 4, 10, 7])
    bank = np.zeros((9, 5))
    bank[ids - 3] = past
    method.past.assign(bank)

    def reference(s, t):
        share = 0.8 * 4 / 10 * (past.sum(1, keepdims=True) > 0)  # at step 3, the fourth
        target = (1 - share) * np.eye(5)[labels] + share * past
        return -(target * np.log(numpy.softmax(s["logits"]))).sum(1)

    given = {"id": tf.constant(ids), "labels": tf.constant(labels), "step": tf.constant(3)}
    numpy.check(method, reference, student, student, batch=given)
    rows = tf.one_hot(labels, 5)  # class probabilities say the same
    numpy.check(method, reference, student, student, batch={**given, "labels": rows})


def test_two_epochs_follow_the_formula(numpy, rng):
    """The bank holds what each image's last training pass gave, before its step."""
    x, y = images(rng)
    kd = KDModel(linear(WIDTH, CLASSES, 1), None, PSKD(N, 5, alpha=0.6, total_steps=6))
    kd.compile(keras.optimizers.SGD(0.5))
    w = kd.student.get_weights()[0].astype("float64")
    past = np.zeros((N, CLASSES))
    for step in range(6):
        ids = np.array([[0, 1, 2], [3, 4, 5]][step % 2])[rng.permutation(3)]
        share = 0.6 * (step + 1) / 6 * (step > 1)
        answer = numpy.softmax(x[ids].astype("float64") @ w)
        target = (1 - share) * np.eye(CLASSES)[y[ids]] + share * past[ids]
        kd.train_on_batch(*batch(x, y, ids, first=5))
        w -= 0.5 * x[ids].T.astype("float64") @ (answer - target) / 3
        past[ids] = answer
        np.testing.assert_allclose(kd.student.get_weights()[0], w, rtol=0, atol=1e-6)
        np.testing.assert_allclose(kd.methods[0].past.numpy(), past, rtol=0, atol=1e-6)


def test_no_share_is_labels_alone(rng):
    x, y = images(rng)
    found = []
    for methods, weight in ((PSKD(N, alpha=0, total_steps=2), 0.0), (None, 1.0)):
        kd = KDModel(linear(WIDTH, CLASSES, 1), None, methods, weight)
        kd.compile(keras.optimizers.SGD(0.5))
        for _ in range(2):
            kd.train_on_batch(*batch(x, y, np.arange(N)))
        found.append(kd.student.get_weights()[0])
    np.testing.assert_allclose(*found, rtol=0, atol=1e-7)


def test_an_image_that_is_twice_in_a_batch_keeps_its_last_answer(numpy, rng):
    method = PSKD(num_examples=4, total_steps=1)
    logits = rng.normal(size=(3, 5))
    numpy.build(method, logits, logits)
    method.after_step(
        {"id": tf.constant([2, 0, 2])}, {"logits": tf.constant(logits, tf.float32)}, {}
    )
    expected = np.zeros((4, 5))
    expected[[0, 2]] = numpy.softmax(logits)[1:]
    np.testing.assert_allclose(method.past.numpy(), expected, rtol=1e-5)


def test_one_logit_is_two_classes():
    target = softened_labels(tf.constant([[1], [0]]), tf.constant([[0.5, 0.5], [0.0, 0.0]]), 0.5)
    np.testing.assert_allclose(target, [[0.25, 0.75], [1.0, 0.0]])


def test_bad_input_is_told(rng):
    x, y = images(rng)
    with pytest.raises(ValueError, match=r"alpha must lie in .0, 1.*alpha=1.5"):
        PSKD(N, alpha=1.5)
    with pytest.raises(ValueError, match=r"PSKD keeps a bank.*num_examples=None"):
        PSKD()
    with pytest.raises(ValueError, match="first_id=7, num_examples=3"):
        PSKD(2).check_examples(np.array([9, 7]))
    for data, steps, message in (
        (x, 3, r"PSKD needs the index of each example.*with_ids=True"),
        ({"image": x, "id": np.arange(N)}, None, r"must know its length.*total_steps=None"),
    ):
        kd = KDModel(linear(WIDTH, CLASSES, 1), None, PSKD(N, total_steps=steps))
        kd.compile(keras.optimizers.SGD(0.5), run_eagerly=True)
        with pytest.raises(ValueError, match=message):
            kd.train_on_batch(data, y)
    kd = KDModel(linear(WIDTH, CLASSES, 1), None, PSKD(N, total_steps=3))
    kd.compile(keras.optimizers.SGD(0.5), run_eagerly=True)
    with pytest.raises(ValueError, match="PSKD softens labels"):
        kd.train_on_batch({"image": x, "id": np.arange(N)})
