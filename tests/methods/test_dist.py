"""DIST against NumPy's own correlation coefficients."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.methods import DIST


@pytest.mark.parametrize(("beta", "gamma", "temperature"), [(1, 1, 1), (2, 0.5, 4), (0, 1, 1)])
def test_it_is_one_minus_pearson(logits, numpy, beta, gamma, temperature):
    def reference(s, t):
        q, p = (numpy.softmax(x["logits"] / temperature) for x in (s, t))
        between = np.array([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(q, p)])
        within = np.mean([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(q.T, p.T)])
        return temperature**2 * (beta * between + gamma * within)

    numpy.check(DIST(beta=beta, gamma=gamma, temperature=temperature), reference, *logits)


def test_probabilities_that_do_not_vary_give_finite_gradients(numpy):
    variable = tf.Variable(tf.zeros((3, 4)))
    method = numpy.build(DIST(), np.zeros((3, 4)), np.zeros((3, 4)))
    with tf.GradientTape() as tape:
        loss = method({}, {"logits": variable}, {"logits": tf.random.normal((3, 4))})
    np.testing.assert_allclose(loss, 2.0)  # nothing correlates
    assert np.isfinite(tape.gradient(loss, variable)).all()
