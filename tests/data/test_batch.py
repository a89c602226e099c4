"""The batch dict, and cross-entropy of both kinds of labels against float64 NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from keras_kd.data import batch
from keras_kd.data.labels import CLASSES


def test_what_a_step_is_given_has_its_name():
    image, labels, weight = tf.ones((2, 4, 4, 3)), tf.constant([1, 0]), tf.constant([[0.5], [2.0]])
    alone = batch.unpack(image)
    assert alone.keys() == {"image"} and alone["image"] is image
    full = batch.unpack(({"student": image, "id": tf.constant([7, 8])}, labels, weight))
    assert full.keys() == {"student", "id", "labels", "sample_weight"}
    assert full["labels"] is labels
    np.testing.assert_array_equal(batch.weight_of(full), [0.5, 2.0])  # a column made a row
    assert batch.weight_of(alone) == 1.0


def test_a_role_sees_its_own_view_before_the_shared_one():
    assert batch.view({"teacher": 1, "image": 2}, "teacher") == 1
    assert batch.view({"teacher": 1, "image": 2}, "student") == 2
    assert batch.view(3, "student") == 3
    assert batch.view({"student": 1, "peer": 2, "image": 3}, "peer", "student") == 2
    assert batch.view({"student": 1, "image": 3}, "peer", "student") == 1
    assert batch.view({"image": 3}, "peer", "student") == 3
    with pytest.raises(ValueError, match=r"needs 'student' or 'image'.*\['teacher'\]"):
        batch.view({"teacher": 1}, "student")


@pytest.mark.parametrize("shape", [(), (4, 2), (4, 1, 2)])
def test_weights_that_are_not_one_per_example_are_refused(shape):
    with pytest.raises(ValueError, match="one number per example"):
        batch.one_per_example(tf.ones(shape))


@pytest.mark.parametrize("form", ["row", "column", "shares"])
def test_cross_entropy_equals_float64(form):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 5, (6, 4)), rng.integers(0, 4, 6)
    shares = rng.dirichlet(np.ones(4), 6) if form == "shares" else np.eye(4)[labels]
    given = {"row": labels, "column": labels[:, None], "shares": shares}[form]
    found = CLASSES.loss(tf.constant(given), tf.constant(logits))
    assert found.dtype == "float32" and found.shape == (6,)
    expected = -(shares * log_softmax(logits, -1)).sum(-1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_step_without_its_batch_counts_nothing():
    """The end of data of unknown length is found by asking for one batch more."""

    class Counting(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.steps = tf.Variable(0)

        @batch.once_arrived
        def step(self, data):
            self.steps.assign_add(1)

    counting = Counting()
    stream = iter(tf.data.Dataset.range(5).filter(lambda number: number < 2))

    @tf.function
    def ask():
        counting.step((next(stream), None))

    with pytest.raises(tf.errors.OutOfRangeError):
        while True:
            ask()
    assert int(counting.steps) == 2
