"""Dropout under two replicas: each its own masks, the same whenever a step is run."""

import keras
import numpy as np
import tensorflow as tf

from keras_kd import KDModel
from keras_kd.data.assembly import options as untuned
from keras_kd.distillation.seeds import set_states


def masks(strategy, step):
    """What each replica's dropout lets through in one step, as `KDModel` sets its generators."""
    with strategy.scope():
        generator = keras.random.SeedGenerator(3)

        @tf.function
        def run():
            def one():
                set_states([generator.state], 11, tf.constant(step, tf.int64))
                return keras.random.dropout(tf.ones(64), 0.5, seed=generator)

            return strategy.run(one)

        run()  # what was drawn before must not matter
        return [part.numpy() for part in strategy.experimental_local_results(run())]


def test_replicas_draw_different_masks_that_come_back(make_strategy):
    first, second = masks(make_strategy(2), 5)
    assert (first != second).any()
    for a, b in zip(masks(make_strategy(2), 5), (first, second)):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(masks(make_strategy(1), 5)[0], first)
    assert (masks(make_strategy(2), 6)[0] != first).any()


def weights(strategy, start, weights=None):
    """A student's weights after step 3, from `start` on with the weights of that step."""
    with strategy.scope():
        keras.utils.set_random_seed(2)
        student = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(3)]
        )
        kd = KDModel(student, label_weight=1.0, seed=1)
        kd.compile(keras.optimizers.SGD(0.1))
        if weights:
            student.set_weights(weights)
        kd.go_on_from(start)
        x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
        data = (
            tf.data.Dataset.from_tensors((x, x[:, :3].argmax(1))).repeat().with_options(untuned())
        )
        stops, kept = (2, 4), []
        for stop in stops:
            if stop > start:
                kd.fit(data, steps_per_epoch=stop - max(start, stop - 2), verbose=0)
                kept.append(student.get_weights())
        return kept


def test_a_step_under_replicas_does_not_depend_on_the_steps_before(make_strategy):
    middle, end = weights(make_strategy(2), 0)
    (resumed,) = weights(make_strategy(2), 2, middle)
    for a, b in zip(resumed, end):
        np.testing.assert_array_equal(a, b)
