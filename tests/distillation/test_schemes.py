"""Peers, critics and generators: their gradients in closed form, and all that must hold of each."""

import functools

import keras
import numpy as np
import pytest
import small_schemes
import tensorflow as tf
from small_schemes import SCHEMES, batch, data, linear, values

from keras_kd import KDModel
from keras_kd.data.random_streams import stream_seed
from keras_kd.methods import Labels, SoftTargets
from keras_kd.training.checkpoints import Checkpoints, Snapshot

STEPS = 4


def flat(seed, inputs=small_schemes.WIDTH, outputs=small_schemes.CLASSES):
    """A matrix."""
    return linear(inputs, outputs, seed)


def matrix(network):
    return network.get_weights()[0].astype("float64")


def softmax(z):
    return np.exp(z) / np.exp(z).sum(-1, keepdims=True)


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def test_peers_take_the_steps_of_two_networks_that_see_each_other():
    """Deep mutual learning of two linear networks, by momentum, in NumPy."""
    peers = {"student": flat(1), "peer": flat(3)}
    methods = [
        SoftTargets(temperature=2.0, source="peer"),
        SoftTargets(temperature=2.0, learner="peer", source="student"),
        Labels(learner="peer", weight=0.5),
    ]
    kd = KDModel(peers["student"], None, methods, 0.5, learners={"peer": peers["peer"]})
    kd.compile(
        {"student": keras.optimizers.SGD(0.5, momentum=0.9), "peer": keras.optimizers.SGD(0.2)}
    )
    w, v = matrix(peers["student"]), matrix(peers["peer"])
    velocity = np.zeros_like(w)
    for step in range(STEPS):
        x, y = (each.numpy() for each in batch(step))
        kd.train_on_batch(x, y)
        x, truth = x.astype("float64"), np.eye(small_schemes.CLASSES)[y]
        gradients = []
        for mine, other in ((w, v), (v, w)):
            soft = 2.0 * (softmax(x @ mine / 2) - softmax(x @ other / 2))
            hard = softmax(x @ mine) - truth
            gradients.append(x.T @ (soft + 0.5 * hard) / len(x))
        velocity = 0.9 * velocity - 0.5 * gradients[0]
        w, v = w + velocity, v - 0.2 * gradients[1]
        np.testing.assert_allclose(matrix(peers["student"]), w, rtol=0, atol=1e-6)
        np.testing.assert_allclose(matrix(peers["peer"]), v, rtol=0, atol=1e-6)


def test_a_critic_and_its_student_take_their_closed_form_steps():
    kd = small_schemes.adversarial(flat)
    kd.compile({"student": keras.optimizers.SGD(0.3), "critic": keras.optimizers.SGD(0.7)})
    w, v, c = matrix(kd.student), matrix(kd.teacher), matrix(kd.learners["critic"])
    for step in range(STEPS):
        x = batch(step)[0].numpy()
        kd.train_on_batch(x)
        x = x.astype("float64")
        s, t = x @ w, x @ v
        # The student: half the squared gap, and softplus(-s c), through the critic.
        to_logits = (s - t) - sigmoid(-s @ c) @ c.T
        # The critic, on what the student gave before its step: softplus(-t c) + softplus(s c).
        to_critic = -t.T @ sigmoid(-t @ c) + s.T @ sigmoid(s @ c)
        w, c = w - 0.3 * x.T @ to_logits / len(x), c - 0.7 * to_critic / len(x)
        np.testing.assert_allclose(matrix(kd.student), w, rtol=0, atol=1e-6)
        np.testing.assert_allclose(matrix(kd.learners["critic"]), c, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(matrix(kd.teacher), v)


def noise(kd, step, size=8):
    key = stream_seed(kd.seed, "network/generator", step)
    return tf.random.stateless_normal((size, small_schemes.NOISE), key, alg="philox").numpy()


def test_a_generator_and_its_student_take_their_closed_form_steps():
    kd = small_schemes.data_free(flat)
    kd.compile({"student": keras.optimizers.SGD(0.1), "generator": keras.optimizers.SGD(0.2)})
    w, v, g = matrix(kd.student), matrix(kd.teacher), matrix(kd.learners["generator"])
    for step in range(STEPS):
        kd.train_on_batch({"id": np.arange(8)})  # what it is of does not matter
        z = noise(kd, step).astype("float64")
        x = z @ g
        gap = x @ (w - v)
        # The generator climbs half the squared gap, through both; the student, on the images that
        # were made, descends it.
        g, w = g + 0.2 * z.T @ gap @ (w - v).T / 8, w - 0.1 * x.T @ gap / 8
        np.testing.assert_allclose(matrix(kd.learners["generator"]), g, rtol=0, atol=1e-6)
        np.testing.assert_allclose(matrix(kd.student), w, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(matrix(kd.teacher), v)


def rates(kd):
    """A momentum and a rate of its own for each learner."""
    rates = [0.05 / (1 + place) for place in range(len(kd.learners))]
    return {
        name: keras.optimizers.SGD(rate, momentum=0.9) for name, rate in zip(kd.learners, rates)
    }


def compiled(scheme):
    kd = SCHEMES[scheme](functools.partial(small_schemes.deep, dropout=0.2))
    kd.compile(rates(kd), metrics=["sparse_categorical_accuracy"])
    return kd


@functools.cache
def trained(scheme):
    """State and logs after all steps in one fit, and the teacher's weights before and after."""
    kd = compiled(scheme)
    before = kd.teacher.get_weights()
    logs = kd.fit(data(0, STEPS), verbose=0).history
    return values(kd), logs, before, kd.teacher.get_weights()


EACH = pytest.mark.parametrize("scheme", SCHEMES)


@EACH
def test_every_learner_moves_and_counts_its_own_steps_and_no_source_does(scheme):
    state, logs, before, after = trained(scheme)
    start = values(compiled(scheme))
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    kernels = [name for name in state if name.endswith("kernel") and name.startswith("network/")]
    assert len(kernels) == 4
    for name in kernels:
        assert np.abs(state[name] - start[name]).max() > 1e-4, name
    counters = [name for name in state if name.endswith("/iteration")]
    assert len(counters) == 2 and all(state[name] == STEPS for name in counters)
    assert state["step"] == STEPS
    names = {
        "mutual": {"soft_targets", "back", "forth", "labels", "peer_loss"},
        "adversarial": {"gap", "fool", "judge", "critic_loss"},
        "data-free": {"gap", "seek", "generator_loss"},
    }[scheme]
    # The labels are not those of the images that a generator makes.
    metrics = set() if scheme == "data-free" else {"sparse_categorical_accuracy"}
    assert set(logs) == {"loss", *names, *metrics}
    assert np.isfinite([value for values in logs.values() for value in values]).all()


@EACH
def test_xla_takes_the_steps_of_the_graph_and_several_in_one_execution(scheme):
    """Without dropout, whose masks XLA draws by an algorithm of its own."""
    found = []
    for settings in ({}, {"jit_compile": True, "steps_per_execution": 2}):
        kd = SCHEMES[scheme]()
        kd.compile(rates(kd), **settings)
        logs = kd.fit(data(0, STEPS), verbose=0).history
        found.append((values(kd), logs))
    (graph, graph_logs), (xla, xla_logs) = found
    assert graph.keys() == xla.keys()
    for name, value in graph.items():
        np.testing.assert_allclose(value, xla[name], rtol=0, atol=1e-5, err_msg=name)
    assert graph_logs.keys() == xla_logs.keys()
    for name, value in graph_logs.items():
        assert value == pytest.approx(xla_logs[name], abs=1e-5), name


@EACH
def test_a_run_goes_on_from_its_checkpoint_to_the_bit(scheme, tmp_path):
    """In the middle of warm-up and dropout, into networks whose layers Keras numbers anew."""
    whole, *_ = trained(scheme)
    half = compiled(scheme)
    half.fit(data(0, 2), verbose=0)
    saved = Checkpoints(tmp_path)
    saved.save(Snapshot(2, half.state()))
    again = compiled(scheme)
    assert saved.restore(again.state())[0] == 2
    again.fit(data(2, STEPS), verbose=0)
    resumed = values(again)
    assert resumed.keys() == whole.keys()
    for name, value in whole.items():
        np.testing.assert_array_equal(value, resumed[name], err_msg=name)


@EACH
def test_half_precision_has_a_loss_scale_for_each_learner(scheme):
    """One overflows: its scale is halved and its step left out, and the other one goes on."""
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        kd = SCHEMES[scheme]()
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    other = list(kd.learners)[1]
    huge = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=2.0**120)
    kd.compile({"student": keras.optimizers.SGD(0.1), other: huge})
    start = values(kd, "network/")
    kd.fit(data(0, 2), verbose=0)
    scales = {name: float(each.dynamic_scale.numpy()) for name, each in kd.optimizers.items()}
    assert scales["student"] == 2.0**15 and scales[other] == 2.0**118
    moved = {name for name, value in values(kd, "network/").items()
             if name.endswith("kernel") and np.abs(value - start[name]).max() > 0}  # fmt: skip
    assert len(moved) == 2 and all(name.startswith("network/student/") for name in moved)


@EACH
def test_batch_norm_of_every_learner_moves_once_a_step_and_of_no_other(scheme):
    kd = SCHEMES[scheme]()
    kd.compile(keras.optimizers.SGD(0.0))
    teacher = [v.numpy() for v in kd.teacher.variables]
    # What each network is fed in the step: as its first layer gives it, before batch norm.
    x = batch(0)[0]
    student = kd.student
    fed = dict.fromkeys(kd.learners, x)
    if scheme == "data-free":
        fed["generator"] = noise(kd, 0)
        fed["student"] = keras.models.clone_model(kd.learners["generator"])
        fed["student"].set_weights(kd.learners["generator"].get_weights())
        fed["student"] = fed["student"](fed["generator"], training=True)
    first = {name: kd.learners[name].layers[1](fed[name]) for name in fed if name != "critic"}
    kd.train_on_batch(*batch(0))
    for name, inner in first.items():
        norm = kd.learners[name].layers[2]
        expected = 0.1 * np.mean(inner.numpy().astype("float64"), axis=0)
        np.testing.assert_allclose(norm.moving_mean.numpy(), expected, rtol=1e-4, atol=1e-6)
    if scheme == "adversarial":
        # The critic judges twice in its step, the teacher's logits and the student's.
        norm = kd.learners["critic"].layers[2]
        dense = kd.learners["critic"].layers[1]
        real, fake = kd.teacher(x, training=False), student(x, training=True)
        one, two = (np.mean(dense(z).numpy().astype("float64"), axis=0) for z in (real, fake))
        expected = 0.9 * 0.1 * one + 0.1 * two
        np.testing.assert_allclose(norm.moving_mean.numpy(), expected, rtol=1e-3, atol=1e-5)
    for before, variable in zip(teacher, kd.teacher.variables, strict=True):
        np.testing.assert_array_equal(before, variable.numpy())
