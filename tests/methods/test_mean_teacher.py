"""Mean teacher: loss and average by the formula, unknown labels, who moves, and bad input."""

import keras
import numpy as np
import pytest
import small_schemes
from small_schemes import batch, linear

from keras_kd import KDModel
from keras_kd.distillation.averaging import Average
from keras_kd.methods import DKD, MeanTeacher

CLASSES, WIDTH = small_schemes.CLASSES, small_schemes.WIDTH


def model(**arguments):
    kd = KDModel(linear(WIDTH, CLASSES, 1), None, MeanTeacher(**arguments), 1.0)
    kd.compile(keras.optimizers.SGD(0.5))
    return kd


def test_it_is_the_mean_squared_gap_of_probabilities(numpy, logits):
    def reference(s, t):
        return ((numpy.softmax(s["logits"]) - numpy.softmax(t["logits"])) ** 2).mean(1)

    numpy.check(MeanTeacher(), reference, *logits)


def test_steps_follow_the_formula_and_unknown_labels_count_for_nothing(numpy):
    """CE over the whole batch, unlabelled images included, plus w times consistency on all."""
    kd = model(decay=0.6, weight=3.0, leaves=False)
    w = kd.student.get_weights()[0].astype("float64")
    average = w.copy()
    for step in range(4):
        x, y = (each.numpy() for each in batch(step))
        y[step % 2 :: 2] = -1
        kd.train_on_batch({"student": x, "mean_teacher": x + 0.1}, y)
        x = x.astype("float64")
        p, q = numpy.softmax(x @ w), numpy.softmax((x + 0.1) @ average)
        hard = (p - np.eye(CLASSES)[y]) * (y >= 0)[:, None]
        gap = 2 / CLASSES * (p - q)
        soft = p * (gap - (gap * p).sum(1, keepdims=True))
        w = w - 0.5 * x.T @ (hard + 3.0 * soft) / len(x)
        kept = min(1 - 1 / (step + 2), 0.6)
        average = kept * average + (1 - kept) * w
        np.testing.assert_allclose(kd.student.get_weights()[0], w, rtol=0, atol=1e-6)
        followed = kd.networks["mean_teacher"].model.get_weights()[0]
        np.testing.assert_allclose(followed, average, rtol=0, atol=1e-6)
    assert set(kd.beside_student()) == {"mean_teacher"}


def test_the_average_leaves():
    kd = model(decay=0.5)
    x, y = batch(0)
    kd.train_on_batch(x, y)
    average = kd.networks["mean_teacher"].model.get_weights()[0]
    np.testing.assert_array_equal(kd.evaluated.get_weights()[0], average)
    assert kd.beside_student() == {}
    kd.finish()
    np.testing.assert_array_equal(kd.student.get_weights()[0], average)


def test_metrics_count_what_is_known_alone():
    kd = KDModel(linear(WIDTH, CLASSES, 1), None, MeanTeacher(), 1.0)
    kd.compile(
        keras.optimizers.SGD(0.0),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    x, y = (each.numpy() for each in batch(0))
    y[3:] = -1
    right = (x[:3] @ kd.student.get_weights()[0]).argmax(1) == y[:3]
    assert kd.train_on_batch(x, y, return_dict=True)["accuracy"] == pytest.approx(right.mean())


def test_the_weight_rises_as_in_the_paper():
    method = MeanTeacher(weight=2.0, warmup_steps=10)
    assert float(method.weight_at(4)) == pytest.approx(2 * np.exp(-5 * 0.5**2))
    assert float(method.weight_at(9)) == float(method.weight_at(50)) == 2.0
    assert MeanTeacher(weight=2.0).weight_at(0) == 2.0


def test_bad_input_is_told():
    with pytest.raises(ValueError, match=r"above 0 and below 1.*decay=1"):
        MeanTeacher(decay=1.0)
    with pytest.raises(ValueError, match=r"learner='peer', leaves=True. Give leaves=False"):
        MeanTeacher(learner="peer")
    MeanTeacher(learner="peer", leaves=False)
    with pytest.raises(ValueError, match="Leave taps out"):
        MeanTeacher(student_taps=["a"], teacher_taps=["a"])
    with pytest.raises(ValueError, match=r"One average alone.*ema, mean_teacher.*leaves=False"):
        KDModel(
            linear(WIDTH, CLASSES, 1), None, MeanTeacher(), 1.0, followers=[Average(0.9)]
        )  # fmt: skip
    with pytest.raises(ValueError, match=r"'mean_teacher' takes images.*'dkd', which needs every"):
        KDModel(linear(WIDTH, CLASSES, 1), linear(WIDTH, CLASSES, 2), [MeanTeacher(), DKD()])
    kd = model()
    for wrong in (-2, CLASSES):
        with pytest.raises(ValueError, match="whole numbers from -1 to 2"):
            kd.train_on_batch(np.zeros((2, WIDTH), "float32"), np.array([0, wrong]))
