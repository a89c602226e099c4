"""KDCL: its targets against NumPy and SciPy, its limits, and cohorts that cannot be."""

import keras
import numpy as np
import pytest
import small_schemes
import tensorflow as tf
from scipy.optimize import minimize
from small_schemes import batch
from small_schemes import linear as matrix

from keras_kd import KDModel
from keras_kd.methods import KDCL
from keras_kd.methods.kdcl import KEPT, RIDGE, TARGETS, general, linear, min_logit, naive

CLASSES, WIDTH = small_schemes.CLASSES, small_schemes.WIDTH


@pytest.fixture
def answers(rng):
    """Logits of three networks for six images, and the labels."""
    return rng.normal(size=(3, 6, 5)) * 2.0, np.array([0, 4, 2, 1, 1, 3])


def entropy(z, labels, numpy):
    return -np.log(numpy.softmax(z))[range(len(labels)), labels].mean()


def test_naive_is_the_best_network_of_the_batch(answers, numpy):
    z, labels = answers
    best = min(z, key=lambda each: entropy(each, labels, numpy))
    np.testing.assert_allclose(naive(tf.constant(z, tf.float32), labels), best, rtol=1e-6)


def test_min_logit_is_the_least_lead_over_the_label(answers):
    z, labels = answers
    expected = (z - z[:, range(6), labels][..., None]).min(0)
    found = min_logit(tf.constant(z, tf.float32), labels)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert (found.numpy()[range(6), labels] == 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_linear_is_as_good_as_the_best_mixture(seed, numpy):
    """The cross-entropy of the mixture, against SciPy's on the simplex; it beats each alone."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, 40)
    signal = np.eye(5)[labels] * rng.uniform(0.5, 3.0, (3, 1, 1))
    z = signal + rng.normal(size=(3, 40, 5)) * rng.uniform(0.5, 2.0, (3, 1, 1))
    least = minimize(
        lambda a: entropy(np.einsum("m,mbk->bk", a, z), labels, numpy), np.ones(3) / 3,
        method="SLSQP", bounds=[(0, 1)] * 3,
        constraints={"type": "eq", "fun": lambda a: a.sum() - 1},
    ).fun  # fmt: skip
    found = entropy(linear(tf.constant(z, tf.float32), labels).numpy(), labels, numpy)
    assert least - 1e-5 <= found <= least + 0.01 * least
    assert found <= min(entropy(each, labels, numpy) for each in z) + 0.01 * least


def test_general_weighs_by_the_inverse_of_the_errors_products(answers):
    z, labels = answers
    errors = np.array([[0.5, 0.1, 0.2], [0.1, 0.3, 0.0], [0.2, 0.0, 0.9]])
    inverse = np.linalg.inv(errors + RIDGE * np.trace(errors) / 3 * np.eye(3))
    shares = inverse.sum(1) / inverse.sum()
    expected = np.einsum("m,mbk->bk", shares, z)
    found = general(tf.constant(z, tf.float32), labels, tf.constant(errors, tf.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_general_keeps_a_running_mean_of_the_errors_products(numpy):
    peer = matrix(WIDTH, CLASSES, 2)
    kd = KDModel(
        matrix(WIDTH, CLASSES, 1), None, KDCL(target="general"), 1.0, learners={"peer": peer}
    )
    kd.compile(keras.optimizers.SGD(0.5))
    own, theirs = kd.methods[:2]
    expected = np.eye(2)
    for step in range(3):
        x, y = (each.numpy() for each in batch(step))
        nets = [net.get_weights()[0].astype("float64") for net in kd.learners.values()]
        gaps = [numpy.softmax(x @ w) - np.eye(CLASSES)[y] for w in nets]
        found = [[(a * b).sum(1).mean() for b in gaps] for a in gaps]
        expected = KEPT * expected + (1 - KEPT) * np.array(found)
        kd.train_on_batch(x, y)
        np.testing.assert_allclose(own.errors.numpy(), expected, rtol=1e-5)
        np.testing.assert_allclose(theirs.errors.numpy(), expected[::-1, ::-1], rtol=1e-5)


@pytest.mark.parametrize("target", TARGETS)
def test_networks_that_answer_alike_give_their_own_answer(answers, numpy, target):
    """And so teach one another nothing."""
    z, labels = answers
    alike = tf.constant(np.stack([z[0]] * 3), tf.float32)
    found = numpy.softmax(TARGETS[target](alike, labels, tf.ones((3, 3))).numpy())
    np.testing.assert_allclose(found, numpy.softmax(z[0]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_xla_makes_the_same_target(answers, target):
    z, labels = answers
    given = tf.constant(z, tf.float32), tf.constant(labels), tf.eye(3) + 0.1
    eager = TARGETS[target](*given)
    compiled = tf.function(TARGETS[target], jit_compile=True)(*given)
    np.testing.assert_allclose(compiled, eager, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("target", TARGETS)
def test_the_loss_is_the_softened_divergence_from_a_constant_target(answers, numpy, target):
    z, labels = answers
    method = KDCL(target=target, temperature=3.0)
    own, peer = z[:2]
    shapes = {"logits": (None, 5)}
    method.build({}, shapes, {"peer": shapes})
    goal = TARGETS[target](tf.constant(z[:2], tf.float32), labels, tf.eye(2))
    constant = goal.numpy().astype("float64")
    student = tf.Variable(own, dtype=tf.float32)
    teacher = {"peer": {"logits": tf.constant(peer, tf.float32)}}
    with tf.GradientTape() as tape:
        loss = method({"labels": tf.constant(labels)}, {"logits": student.value()}, teacher)
        mean = tf.reduce_mean(loss)
    p, q = numpy.softmax(constant / 3), numpy.softmax(own / 3)
    np.testing.assert_allclose(loss, 9 * (p * (np.log(p) - np.log(q))).sum(1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(tape.gradient(mean, student), 3 * (q - p) / 6, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_all_learn_each_from_its_own_view(target):
    peers = {"peer": matrix(WIDTH, CLASSES, 2), "third": matrix(WIDTH, CLASSES, 3)}
    kd = KDModel(
        matrix(WIDTH, CLASSES, 1), None, KDCL(("peer", "third"), target), 1.0, learners=peers
    )
    kd.compile(keras.optimizers.SGD(0.5))
    assert kd.methods[0].own_views() == ("peer", "third")
    x, y = batch(0)
    before = {name: net.get_weights()[0] for name, net in kd.learners.items()}
    logs = kd.train_on_batch({"image": x, "peer": x + 1.0}, y, return_dict=True)
    assert {"kdcl", "peer_kdcl", "third_kdcl", "peer_labels"} <= set(logs)
    for name, net in kd.learners.items():
        assert np.abs(net.get_weights()[0] - before[name]).max() > 0
    answers = [
        x @ before["student"], (x + 1.0) @ before["peer"], x @ before["third"]
    ]  # fmt: skip
    goal = TARGETS[target](tf.stack(answers), tf.cast(y, tf.int32), tf.eye(3))
    p, q = tf.nn.softmax(goal / 2), tf.nn.log_softmax(answers[1] / 2)
    expected = 4 * tf.reduce_mean(tf.reduce_sum(p * (tf.math.log(p) - q), axis=1))
    assert logs["peer_kdcl"] == pytest.approx(float(expected), rel=2e-2, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"target": "min_logits"},
            r"one of naive, linear, min_logit, general.*Did you mean 'min_logit'",
        ),
        ({"standardize": True}, "Leave it out"),
    ],
)
def test_bad_input_is_told(arguments, message):
    with pytest.raises(ValueError, match=message):
        KDCL(**arguments)
