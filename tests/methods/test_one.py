"""ONE: its gate and loss in NumPy, who is taught by what, the ramp, and trunks that cannot be."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd import KDModel
from keras_kd.methods import ONE

LABELS = np.array([0, 2, 1, 1])
FIRST = tf.constant(0, tf.int64)


def student(skip=False):
    images = keras.Input((5,))
    trunk = keras.layers.Dense(4, activation="tanh", name="trunk")(images)
    x = keras.layers.Dense(6, activation="tanh", name="tail")(trunk)
    x = keras.layers.Concatenate()([x, images]) if skip else x
    return keras.Model(images, keras.layers.Dense(3, name="logits")(x))


@pytest.fixture
def kd():
    keras.utils.set_random_seed(0)
    kd = KDModel(student(), None, ONE(["trunk"], temperature=2.0, warmup_steps=10), 1.0)
    kd.compile(keras.optimizers.SGD(0.1))
    return kd


@pytest.fixture
def batch():
    x = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    return {"image": tf.constant(x), "labels": tf.constant(LABELS), "step": FIRST + 4}


def in_numpy(kd, x, numpy):
    """(answers of the branches `[M, B, K]`, shares `[B, M]`) of the formula."""
    w = {v.path: v.numpy().astype("float64") for v in kd.student.weights}
    trunk = np.tanh(x @ w["trunk/kernel"] + w["trunk/bias"])

    def end(kernel, bias, last, shift):
        return np.tanh(trunk @ kernel + bias) @ last + shift

    one = kd.methods[0]
    ends = [kd.student.get_weights()[2:], *(branch.get_weights() for branch in one.further)]
    kernel, bias, gamma, beta, *_ = (v.astype("float64") for v in one.gate.get_weights())
    z = trunk @ kernel + bias
    z = gamma * (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5) + beta
    answers = np.stack([end(*(v.astype("float64") for v in part)) for part in ends])
    return answers, numpy.softmax(np.maximum(z, 0.0))


def test_it_is_the_formula(kd, batch, numpy):
    x = batch["image"].numpy().astype("float64")
    answers, shares = in_numpy(kd, x, numpy)
    mixture = np.einsum("bm,mbk->bk", shares, answers)
    truth = np.eye(3)[LABELS]
    hard = sum(-(truth * np.log(numpy.softmax(z))).sum(1) for z in (mixture, *answers[1:]))
    p = numpy.softmax(mixture / 2)
    soft = sum(4 * (p * (np.log(p) - np.log(numpy.softmax(z / 2)))).sum(1) for z in answers)
    expected = hard + np.exp(-5 * (1 - 5 / 10) ** 2) * soft
    found = kd.methods[0](batch, kd.networks["student"].learn(batch), {})
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_mixture_is_constant_to_those_it_teaches(kd, batch):
    """The gate learns from the labels of the mixture alone, each branch from both."""
    one = kd.methods[0]
    gate = [v.value for v in one.gate.trainable_variables]
    parts = {"gate": gate, "branch": [one.further[0].weights[0].value]}
    found = []
    for step in (FIRST, FIRST + 9):  # the weight of what is taught is small, then full
        with tf.GradientTape(persistent=True) as tape:
            loss = tf.reduce_sum(
                one({**batch, "step": step}, kd.networks["student"].learn(batch), {})
            )
        found.append({name: tape.gradient(loss, part) for name, part in parts.items()})
    for first, last in zip(found[0]["gate"], found[1]["gate"]):
        np.testing.assert_allclose(first, last, rtol=1e-4, atol=1e-6)
    assert np.abs(found[0]["branch"][0] - found[1]["branch"][0]).max() > 1e-4


def test_trunk_branches_and_gate_learn_and_the_student_stays_what_it_was(kd, batch):
    one, names = kd.methods[0], [v.path for v in kd.student.weights]
    variables = [*kd.student.trainable_variables, *one.trainable_variables]
    assert len(one.further) == 2
    kernels = [branch.get_weights()[0] for branch in (*one.further, kd.student)]
    assert (kernels[0] != kernels[1]).any()
    before = [v.numpy() for v in variables]
    kd.train_on_batch(batch["image"], LABELS)
    # A bias before batch norm moves nothing.
    moved = {v.path: np.abs(v.numpy() - b).max() for v, b in zip(variables, before)}
    still = [path for path, gap in moved.items() if gap < 1e-7]
    assert all("bias" in path for path in still) and len(still) <= 1
    assert [v.path for v in kd.student.weights] == names
    mixture = kd.beside_student()["mixture"]
    assert mixture(batch["image"]).shape == (4, 3)


def test_the_mixture_is_evaluated_with_moving_statistics(kd, batch, numpy):
    answers, _ = in_numpy(kd, batch["image"].numpy().astype("float64"), numpy)
    found = kd.beside_student()["mixture"](batch["image"])
    shares = kd.methods[0].gate(tapped_trunk(kd, batch["image"])).numpy()
    np.testing.assert_allclose(found, np.einsum("bm,mbk->bk", shares, answers), rtol=1e-4)


def tapped_trunk(kd, x):
    return keras.Model(kd.student.inputs, kd.student.get_layer("trunk").output)(x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"after one tensor.*student_taps=\[\].*\['stage2'\]"),
        ({"student_taps": ["a", "b"]}, "after one tensor"),
        ({"student_taps": ["a"], "branches": 1}, "branches"),
    ],
)
def test_bad_input_is_told(arguments, message):
    with pytest.raises(ValueError, match=message):
        ONE(**arguments)


def test_nothing_may_go_past_the_trunk():
    with pytest.raises(ValueError, match=r"last tensor alone.*student_taps=\['trunk'\]"):
        KDModel(student(skip=True), None, ONE(["trunk"]), 1.0)
