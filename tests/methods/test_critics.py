"""Critics: what they take and give."""

import numpy as np
import tensorflow as tf

from keras_kd.methods.critics import critic, shortened


def test_vectors_are_means_of_stretches(rng):
    x = rng.normal(size=(2, 2, 3, 2))
    expected = x.reshape(2, 4, 3).mean(-1)
    np.testing.assert_allclose(shortened(tf.constant(x, tf.float32), 4), expected, rtol=1e-5)
    same = shortened(tf.constant(x, tf.float32), 50)
    np.testing.assert_allclose(same, x.reshape(2, 12), rtol=1e-6)


def test_a_row_for_each_vector_and_two_hidden_layers():
    model = critic([6, 4], outputs=3)
    vectors = [np.ones((2, 6), "float32"), np.ones((2, 4), "float32")]
    assert model(vectors).shape == (2, 2, 3)
    # 6 -> 3 -> 2 -> 3 and 4 -> 2 -> 2 -> 3, with biases.
    assert model.count_params() == (21 + 8 + 9) + (10 + 6 + 9)
    assert critic([5], width=8)([np.ones((2, 5), "float32")]).shape == (2, 1, 1)
