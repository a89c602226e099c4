"""PKT against the authors' code in NumPy."""

import numpy as np
import tensorflow as tf

from keras_kd.methods import PKT


def test_it_is_the_authors_loss(rng, numpy):
    student, teacher = rng.normal(size=(6, 4)), rng.normal(size=(6, 2, 2, 3))

    def probabilities(x):
        x = x.reshape(len(x), -1)
        x = x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-7)
        similarity = (x @ x.T + 1) / 2
        return similarity / similarity.sum(1, keepdims=True)

    def reference(s, t):
        q, p = probabilities(s["logits"]), probabilities(t["logits"])
        return np.mean(p * np.log((p + 1e-7) / (q + 1e-7)))

    numpy.check(PKT(), reference, student, teacher, rtol=1e-3)


def test_a_vector_of_zeros_gives_a_finite_gradient(numpy):
    variable = tf.Variable([[0.0, 0.0], [1.0, 2.0], [2.0, 1.0]])
    method = numpy.build(PKT(), np.zeros((3, 2)), np.zeros((3, 2)))
    with tf.GradientTape() as tape:
        loss = method({}, {"logits": variable}, {"logits": tf.random.normal((3, 2))})
    assert np.isfinite(loss).all()
    assert np.isfinite(tape.gradient(loss, variable)).all()
