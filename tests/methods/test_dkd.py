"""DKD against the paper's decomposition and mdistiller's code in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.methods import DKD, SoftTargets
from keras_kd.methods.dkd import decoupled_kl

LABELS = np.array([0, 3, 4, 1, 1, 2])
BATCH = {"labels": tf.constant(LABELS)}


def mdistiller(numpy, student, teacher, alpha, beta, temperature):
    """`dkd_loss`, written from its code; no constant factor differs."""
    mask = np.eye(student.shape[1])[LABELS].astype(bool)

    def two(p):
        return np.stack([(p * mask).sum(1), (p * ~mask).sum(1)], 1)

    def kl(p, q):
        return (p * (np.log(p + 1e-300) - np.log(q + 1e-300))).sum(1)

    p, q = (numpy.softmax(x / temperature) for x in (teacher, student))
    rest = [numpy.softmax(x / temperature - 1000.0 * mask) for x in (teacher, student)]
    return temperature**2 * (alpha * kl(two(p), two(q)) + beta * kl(*rest))


@pytest.mark.parametrize(("alpha", "beta", "temperature"), [(1, 8, 4), (0.5, 2, 1), (1, 0, 2)])
def test_it_is_mdistillers_loss(logits, numpy, alpha, beta, temperature):
    method = DKD(alpha=alpha, beta=beta, temperature=temperature)

    def reference(s, t):
        return mdistiller(numpy, s["logits"], t["logits"], alpha, beta, temperature)

    numpy.check(method, reference, *logits, batch=BATCH)


def test_the_parts_make_up_the_soft_targets(logits, numpy):
    student, teacher = logits
    soft = numpy.loss_of(SoftTargets(temperature=2.0), student, teacher)
    as32 = [tf.constant(x, tf.float32) for x in (teacher, student)]
    target, non_target = decoupled_kl(*as32, BATCH["labels"], 2.0)
    rest = 1.0 - numpy.softmax(teacher / 2.0)[np.arange(6), LABELS]
    np.testing.assert_allclose(target + rest * non_target, soft, rtol=1e-4)


def test_mixed_labels_count_by_the_heaviest(logits, numpy):
    student, teacher = logits
    mixed = {"labels": tf.constant(0.7 * np.eye(5)[LABELS] + 0.06, tf.float32)}
    np.testing.assert_array_equal(
        numpy.loss_of(DKD(), student, teacher, mixed), numpy.loss_of(DKD(), student, teacher, BATCH)
    )


def test_extreme_logits_stay_finite(numpy):
    teacher = np.array([[1e4, -1e4, 0.0]] * 6)
    variable = tf.Variable(-teacher, dtype=tf.float32)
    method = numpy.build(DKD(temperature=1.0), teacher, teacher)
    batch = {"labels": tf.constant([0, 1, 2, 0, 1, 2])}
    with tf.GradientTape() as tape:
        loss = method(batch, {"logits": variable}, {"logits": tf.constant(teacher, tf.float32)})
    assert np.isfinite(loss).all()
    assert np.isfinite(tape.gradient(loss, variable)).all()


def test_missing_labels_are_named(logits, numpy):
    with pytest.raises(ValueError, match=r"DKD needs labels.*batch with \['image'\]"):
        numpy.loss_of(DKD(), *logits, batch={"image": tf.zeros((6, 2, 2, 1))})


@pytest.mark.parametrize("bad", [{"alpha": -1.0}, {"beta": float("nan")}, {"temperature": 0}])
def test_impossible_arguments_are_refused(bad):
    with pytest.raises(ValueError, match=f"{next(iter(bad))} must be a finite number"):
        DKD(**bad)
