"""DIST against NumPy's own correlation coefficients."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.methods import DIST
from keras_kd.methods.dist import pearson


@pytest.mark.parametrize(("beta", "gamma", "temperature"), [(1, 1, 1), (2, 0.5, 4), (0, 1, 1)])
def test_it_is_one_minus_pearson(logits, numpy, beta, gamma, temperature):
    def reference(s, t):
        q, p = (numpy.softmax(x["logits"] / temperature) for x in (s, t))
        between = np.array([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(q, p)])
        within = np.mean([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(q.T, p.T)])
        return temperature**2 * (beta * between + gamma * within)

    numpy.check(DIST(beta=beta, gamma=gamma, temperature=temperature), reference, *logits)


@pytest.mark.parametrize("size", [1e-6, 4e-5, 1e-3])
def test_small_deviations_are_damped_as_in_the_authors_code(rng, size):
    a, b = (size * x.astype("float32") for x in rng.normal(size=(2, 6, 5)))
    centred = [x.astype("float64") - x.mean(1, keepdims=True, dtype="float64") for x in (a, b)]
    lengths = np.prod([np.linalg.norm(x, axis=1) for x in centred], axis=0)
    expected = np.prod(centred, axis=0).sum(1) / (lengths + 1e-8)
    np.testing.assert_allclose(pearson(tf.constant(a), tf.constant(b), 1), expected, rtol=1e-4)


def test_probabilities_that_do_not_vary_give_finite_gradients(numpy):
    variable = tf.Variable(tf.zeros((3, 4)))
    method = numpy.build(DIST(), np.zeros((3, 4)), np.zeros((3, 4)))
    with tf.GradientTape() as tape:
        loss = method({}, {"logits": variable}, {"logits": tf.random.normal((3, 4))})
    np.testing.assert_allclose(loss, 2.0)  # nothing correlates
    assert np.isfinite(tape.gradient(loss, variable)).all()
