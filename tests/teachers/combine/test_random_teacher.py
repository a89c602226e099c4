"""One teacher at a step: which one, how often, and that the others do not run."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax

from keras_kd.teachers import combine


def drawn(one, step, seed=7):
    runs = [lambda k=k: tf.fill((1, 3), float(k)) for k in range(3)]
    return int(one.teach(runs, tf.constant([seed, step], tf.int64), None)[0, 0])


def test_each_as_often_as_its_weight_says_and_by_seed_and_step_alone():
    one = combine.get("random_teacher", 3, weights=(1, 2, 5))
    run = tf.function(lambda step: one.teach(
        [lambda k=k: tf.fill((1, 3), float(k)) for k in range(3)], tf.stack([7, step]), None
    ))  # fmt: skip
    found = [int(run(tf.constant(step, tf.int64))[0, 0]) for step in range(800)]
    counts = np.bincount(found, minlength=3)
    # 5 deviations of a binomial count
    for count, share in zip(counts, (0.125, 0.25, 0.625), strict=True):
        assert abs(count - 800 * share) < 5 * np.sqrt(800 * share * (1 - share))
    assert found[:5] == [drawn(one, step) for step in range(5)]
    assert found[:20] != [drawn(one, step, seed=8) for step in range(20)]


def test_only_the_one_that_was_drawn_runs():
    ran = []

    def run(k):
        tf.py_function(lambda: ran.append(k), [], [])
        return tf.fill((1, 2), float(k))

    one = combine.get("random_teacher", 2)
    taught = tf.function(lambda seed: one.teach([lambda: run(0), lambda: run(1)], seed, None))
    found = [int(taught(tf.constant([1, step], tf.int64))[0, 0]) for step in range(10)]
    assert ran == found and set(found) == {0, 1}


def test_at_rest_it_is_the_expected_probability():
    logits = np.random.default_rng(0).normal(size=(2, 5, 4))
    one = combine.get("random_teacher", 2, weights=(1, 3))
    mean = np.tensordot([0.25, 0.75], softmax(logits, axis=-1), 1)
    found = softmax(np.asarray(one(list(logits.astype("float32")))), axis=-1)
    np.testing.assert_allclose(found, mean, atol=1e-6)
    with pytest.raises(ValueError, match="one positive number per teacher"):
        combine.get("random_teacher", 3, weights=(1, 3))
