"""The labels as a method: cross-entropy in NumPy, and the same as `label_weight`."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_schemes import batch, deep
from token_networks import Forward, images, tiny

from keras_kd import KDModel
from keras_kd.methods import BinaryLabels, HardLabels, Labels, SoftTargets


def test_it_is_the_cross_entropy_of_the_labels():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    log_q = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    student = {"logits": keras.ops.convert_to_tensor(logits, "float32")}
    found = Labels().call({"labels": labels}, student, {})
    np.testing.assert_allclose(found, -log_q[np.arange(6), labels], rtol=1e-5)
    mixed = np.full((6, 4), 0.1) + 0.6 * np.eye(4)[labels]
    found = Labels().call({"labels": keras.ops.convert_to_tensor(mixed)}, student, {})
    np.testing.assert_allclose(found, -(mixed * log_q).sum(-1), rtol=1e-5)


def test_label_weight_is_short_for_it():
    weights, names = [], []
    for methods, weight in (([SoftTargets()], 0.3), ([SoftTargets(), Labels(weight=0.3)], 0.0)):
        kd = KDModel(deep(1), deep(2), methods, weight)
        kd.compile(keras.optimizers.SGD(0.3))
        names.append(set(kd.train_on_batch(*batch(0), return_dict=True)))
        weights.append(kd.student.get_weights())
    assert names[0] == names[1] == {"loss", "soft_targets", "labels"}
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_labels_it_says_so():
    with pytest.raises(ValueError, match=r"'labels'.*needs labels in the batch.*Give labels"):
        Labels().call({"image": 0}, {}, {})


def test_of_some_classes_the_others_are_neither_seen_nor_moved():
    rng = np.random.default_rng(0)
    logits, labels, classes = rng.normal(size=(6, 4)), np.array([1, 3] * 3), [1, 3]
    own = logits[:, classes]
    log_q = own - np.log(np.exp(own).sum(-1, keepdims=True))
    with tf.GradientTape() as tape:
        student = tf.Variable(logits, dtype=tf.float32)
        found = Labels(classes=classes).call({"labels": labels}, {"logits": student}, {})
    right = (labels == 3).astype(int)
    np.testing.assert_allclose(found, -log_q[np.arange(6), right], rtol=1e-5)
    assert (np.asarray(tape.gradient(found, student))[:, [0, 2]] == 0).all()
    rows = np.eye(4)[labels]
    loss = BinaryLabels(classes=classes).call({"labels": rows}, {"logits": student}, {})
    expected = (np.log1p(np.exp(own)) - rows[:, classes] * own).sum(-1)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    with pytest.raises(ValueError, match=r"classes must be indices of classes from 0 up to 2"):
        KDModel(deep(1), None, Labels(classes=[0, 3]))


def test_taps_that_are_no_logits_are_refused():
    with pytest.raises(ValueError, match=r"as many classes .* student tap 'pre_logits'"):
        KDModel(tiny("vit"), None, Labels(student_taps=["pre_logits"]))


def test_deit_trains_one_classifier_on_labels_and_one_on_the_teachers_decisions():
    """Touvron et al. 2021: half the cross-entropy of each; gradients reach only its own."""
    student, teacher = tiny("vit", distillation=True), tiny("mixer")
    taps = {"student_taps": ["logits_distilled"], "teacher_taps": ["logits"]}
    methods = [Labels(student_taps=["logits_class"], weight=0.5), HardLabels(**taps, weight=0.5)]
    kd = KDModel(student, teacher, methods)
    assert all(method.reaches_classifier for method in methods)
    kd.compile(keras.optimizers.SGD(1.0), run_eagerly=True)
    x, labels = images(4), np.array([0, 1, 2, 3])
    decided = Forward(teacher).mixer(x).argmax(-1)
    heads = ("class", labels), ("distilled", decided)
    before = {name: student.get_layer(f"logits_{name}").bias.numpy() for name, _ in heads}
    logits = keras.Model(student.input, [student.get_layer(f"logits_{n}").output for n, _ in heads])
    expected = 0.0
    for (name, right), z in zip(heads, logits(x)):
        p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
        expected += -0.5 * np.log(p[np.arange(4), right]).mean()
        before[name] = before[name] - 0.5 * (p - np.eye(5)[right]).mean(0)
    logs = kd.train_on_batch(x, labels, return_dict=True)
    assert float(logs["loss"]) == pytest.approx(expected, rel=1e-4)
    for name, _ in heads:
        found = student.get_layer(f"logits_{name}").bias.numpy()
        np.testing.assert_allclose(found, before[name], rtol=1e-4, atol=1e-5)
