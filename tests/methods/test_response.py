"""Soft targets against the closed form in float64 NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.methods import SoftTargets


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def reference(teacher, student, temperature):
    p, q = softmax(teacher / temperature), softmax(student / temperature)
    return temperature**2 * (p * (np.log(p) - np.log(q))).sum(-1)


def loss_of(method, teacher, student):
    return method({}, {"logits": student}, {"logits": teacher})


@pytest.fixture
def logits():
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, 6, 5)) * 3.0


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 10.0])
def test_value_and_gradient_match_numpy(logits, temperature):
    teacher, student = logits
    method = SoftTargets(temperature=temperature)
    variable = tf.Variable(student, dtype=tf.float32)
    with tf.GradientTape() as tape:
        loss = loss_of(method, tf.constant(teacher, tf.float32), variable)
    np.testing.assert_allclose(loss, reference(teacher, student, temperature), rtol=1e-4, atol=1e-6)
    # d/ds of T^2 KL(p_T || q_T) is T (q_T - p_T).
    gradient = temperature * (softmax(student / temperature) - softmax(teacher / temperature))
    np.testing.assert_allclose(tape.gradient(loss, variable), gradient, rtol=1e-3, atol=1e-5)


def test_a_known_value():
    # p = (3/4, 1/4), q = (1/2, 1/2): KL = 3/4 ln 3/2 + 1/4 ln 1/2.
    loss = loss_of(SoftTargets(), tf.constant([[np.log(3.0), 0.0]]), tf.zeros((1, 2)))
    expected = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    assert float(loss[0]) == pytest.approx(expected, rel=1e-6)


def test_equal_models_lose_nothing(logits):
    same = tf.constant(logits[0], tf.float32)
    np.testing.assert_allclose(loss_of(SoftTargets(temperature=3.0), same, same), 0.0, atol=1e-6)


def test_t_squared_keeps_the_gradient_at_high_temperature(logits):
    # For T -> infinity the loss tends to the squared distance of centred logits over 2 K.
    teacher, student = logits
    gap = (teacher - teacher.mean(-1, keepdims=True)) - (student - student.mean(-1, keepdims=True))
    limit = (gap**2).sum(-1) / (2 * teacher.shape[-1])
    loss = loss_of(
        SoftTargets(temperature=300.0),
        tf.constant(teacher, tf.float32),
        tf.constant(student, tf.float32),
    )
    np.testing.assert_allclose(loss, limit, rtol=0.05)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_extreme_logits_stay_finite(dtype, temperature):
    extreme = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4], [1e4, 1e4, 1e4]])
    teacher, student = tf.constant(extreme, dtype), tf.Variable(-extreme, dtype=dtype)
    with tf.GradientTape() as tape:
        loss = loss_of(SoftTargets(temperature=temperature), teacher, student)
    gradient = tape.gradient(loss, student)
    assert loss.dtype == tf.float32
    assert np.isfinite(loss).all()
    assert np.isfinite(np.asarray(gradient, "float32")).all()
    assert float(loss[0]) > 1e3 and float(loss[2]) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_impossible_temperatures_are_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be a finite number above 0"):
        SoftTargets(temperature=temperature)


def test_other_class_counts_are_refused():
    with pytest.raises(ValueError, match=r"student=\(None, 5\), teacher=\(None, 7\)"):
        SoftTargets().build({}, {"logits": (None, 5)}, {"logits": (None, 7)})


def test_config_round_trip():
    method = SoftTargets(temperature=3.0, weight=0.5, name="soft")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(method))
    assert (copy.temperature, copy.weight, copy.name) == (3.0, 0.5, "soft")
