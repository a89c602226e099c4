"""Averaged weights: the recursion against NumPy and TensorFlow, what is evaluated, exact resume."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_stage
from tiny_stage import assert_same, evaluation, images, outcome, stop_after

from keras_kd.config import stage
from keras_kd.distillation.averaging import Average, decay_at
from keras_kd.distillation.kd_model import KDModel
from keras_kd.methods import SoftTargets

DECAY = 0.6  # reached at step 13; before, the young average moves faster


def network(seed, dropout=0.3):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6)], name="nested")
    x = keras.layers.BatchNormalization(momentum=0.9)(inner(inputs))
    x = keras.layers.Dropout(dropout)(keras.layers.ReLU()(x))
    return keras.Model(inputs, keras.layers.Dense(3)(x))


def made(*followers):
    kd = KDModel(
        network(1), network(2), [SoftTargets()], seed=5, fidelity=True, followers=followers
    )
    kd.compile(keras.optimizers.SGD(0.5, momentum=0.9), metrics=["sparse_categorical_accuracy"])
    return kd


def expected(history):
    """NumPy: the average of a history of lists of weights, the first before any step."""
    average = [weight.astype("float64") for weight in history[0]]
    for step, weights in enumerate(history[1:], start=1):
        keep = min(DECAY, (1 + step) / (10 + step))
        average = [keep * a + (1 - keep) * w for a, w in zip(average, weights, strict=True)]
    return average


def test_the_average_follows_the_recursion_and_the_student_does_not_notice():
    plain, averaged = made(), made(Average(DECAY))
    history = [averaged.student.get_weights()]
    for a, b in zip(averaged.evaluated.get_weights(), history[0], strict=True):
        np.testing.assert_array_equal(a, b)
    for step in range(20):
        plain.train_on_batch(*images(step))
        averaged.train_on_batch(*images(step))
        history.append(averaged.student.get_weights())
    for a, b in zip(plain.student.get_weights(), history[-1], strict=True):
        np.testing.assert_array_equal(a, b)
    names = [weight.path for weight in averaged.student.weights]
    assert any("moving_mean" in name for name in names)
    for name, a, b in zip(names, averaged.evaluated.get_weights(), expected(history), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, err_msg=name)
    assert max(np.abs(a - b).max() for a, b in zip(history[-1], expected(history))) > 0.01


def test_the_decay_is_that_of_tensorflows_moving_average():
    step, value = tf.Variable(0.0), tf.Variable(1.0)
    reference = tf.train.ExponentialMovingAverage(DECAY, num_updates=step)
    reference.apply([value])  # made of the value before the first step
    average = 1.0
    for count in range(1, 30):
        step.assign(count)
        value.assign(np.sin(count))
        reference.apply([value])
        average += (1 - float(decay_at(count, DECAY))) * (np.sin(count) - average)
        assert average == pytest.approx(float(reference.average(value)), abs=1e-5)


def test_called_and_evaluated_it_is_the_average():
    kd = made(Average(DECAY))
    for step in range(3):
        kd.train_on_batch(*images(step))
    x, y = images(99)
    alone = network(3)
    alone.set_weights(kd.evaluated.get_weights())
    np.testing.assert_array_equal(kd(x), alone(x, training=False))
    np.testing.assert_array_equal(kd.predict(x, verbose=0), alone.predict(x, verbose=0))
    assert np.abs(alone(x, training=False) - kd.student(x, training=False)).max() > 1e-3
    found = kd.evaluate(x, y, verbose=0, return_dict=True)
    reference = KDModel(alone, kd.teacher, [SoftTargets()], fidelity=True)
    reference.compile("sgd", metrics=["sparse_categorical_accuracy"])
    assert found == pytest.approx(reference.evaluate(x, y, verbose=0, return_dict=True))
    kd.finish()
    np.testing.assert_array_equal(kd.student(x, training=False), alone(x, training=False))


def test_the_optimizer_and_methods_leave_the_average_alone():
    kd = made(Average(DECAY))
    plain = made()
    assert len(kd.trainable_variables) == len(plain.trainable_variables)
    assert len(kd.optimizer.variables) == len(plain.optimizer.variables)
    assert len(kd.variables) == len(plain.variables) + len(kd.student.variables)


@pytest.mark.parametrize("decay", [0.0, 1.0, float("nan")])
def test_an_impossible_decay_is_refused(decay):
    with pytest.raises(ValueError, match="decay must be above 0 and below 1"):
        Average(decay)


def train(folder, ema=DECAY, **changes):
    """14 steps in intervals of 6."""
    student = network(1)
    settings = stage(
        total="14 steps", interval="6 steps", warmup="1 steps", learning_rate=0.1,
        label_weight=0.0, ema=ema,
    )  # fmt: skip
    return tiny_stage.train(folder, student, network(2), settings, **changes), student


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return train(folder), outcome(folder)


def test_a_stage_ends_with_the_average_that_it_evaluated(undisturbed, tmp_path):
    (result, student), (_, entries) = undisturbed
    x, y = next(iter(evaluation().unbatch().batch(20)))
    share = float(np.mean(student.predict(x, verbose=0).argmax(1) == y.numpy()))
    assert result["accuracy"] == pytest.approx(share)
    assert entries[-1]["val_accuracy"] == result["accuracy"]
    _, plain = train(tmp_path, ema=0.0)
    gaps = [np.abs(a - b).max() for a, b in zip(student.get_weights(), plain.get_weights())]
    assert max(gaps) > 1e-3


@pytest.mark.parametrize("step", [2, 8, 12, 14])
def test_a_stopped_stage_resumes_to_the_bit(undisturbed, tmp_path, monkeypatch, step):
    (_, student), whole = undisturbed
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, step)
        train(tmp_path)
    for _ in range(2):  # it goes on, and then finds itself finished
        _, again = train(tmp_path)
        for a, b in zip(student.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert_same(outcome(tmp_path), whole)


def test_every_step_of_an_execution_counts(undisturbed, tmp_path):
    (_, student), _ = undisturbed
    _, several = train(tmp_path, steps_per_execution=2)
    for a, b in zip(student.get_weights(), several.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
