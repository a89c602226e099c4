"""All teachers but some: who stays, that the others do not run, and what is taught."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax

from keras_kd.teachers import combine

LOGITS = (np.random.default_rng(0).normal(size=(3, 5, 4)) * 3).astype("float32")
WEIGHTS = np.array([0.5, 0.2, 0.3])


def test_it_is_the_mean_of_those_that_stay_and_each_is_left_out_as_often():
    one = combine.get("drop_teachers", 3, weights=WEIGHTS, temperature=2.0)
    taught = tf.function(lambda seed: one.teach([lambda z=z: tf.constant(z) for z in LOGITS],
                                                seed, None))  # fmt: skip
    p = softmax(LOGITS.astype("float64") / 2, axis=-1)
    without = []
    for left_out in range(3):
        weights = np.where(np.arange(3) == left_out, 0, WEIGHTS)
        without.append(np.tensordot(weights / weights.sum(), p, 1))
    counts = np.zeros(3)
    for step in range(300):
        found = softmax(np.asarray(taught(tf.constant([1, step], tf.int64))) / 2, axis=-1)
        gaps = [np.abs(found - other).max() for other in without]
        assert min(gaps) < 1e-5
        counts[np.argmin(gaps)] += 1
    assert (np.abs(counts - 100) < 5 * np.sqrt(300 * 2 / 9)).all()


def test_those_that_are_left_out_do_not_run():
    ran = []

    def run(k):
        tf.py_function(lambda: ran.append(k), [], [])
        return tf.fill((1, 2), float(k))

    one = combine.get("drop_teachers", 3, drop=2)
    taught = tf.function(lambda seed: one.teach([lambda k=k: run(k) for k in range(3)], seed, None))
    for step in range(8):
        taught(tf.constant([1, step], tf.int64))
    assert len(ran) == 8 and len(set(ran)) > 1


def test_none_left_out_is_the_mean_and_one_that_stays_is_a_random_teacher():
    runs = [lambda z=z: tf.constant(z) for z in LOGITS]
    seed = tf.constant([3, 4], tf.int64)
    mean = combine.get("drop_teachers", 3, drop=0).teach(runs, seed, None)
    want = combine.get("mean_probabilities", 3)(list(LOGITS))
    np.testing.assert_allclose(mean, want, atol=1e-5)
    alone = softmax(np.asarray(combine.get("drop_teachers", 3, drop=2).teach(runs, seed, None)), -1)
    assert min(np.abs(alone - softmax(z, -1)).max() for z in LOGITS) < 1e-6


@pytest.mark.parametrize("drop", [3, -1, 0.5, True])
def test_refusals(drop):
    with pytest.raises(ValueError, match=r"below 3, the number of teachers\. Received: drop"):
        combine.get("drop_teachers", 3, drop=drop)
