"""The first batches of a stream, and their comparison."""

import numpy as np
import tensorflow as tf

from keras_kd.data import build_dataset


def batches(count, *args, **kwargs):
    return list(build_dataset(*args, **kwargs).take(count).as_numpy_iterator())


def assert_same(one, two):
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(two), strict=True):
        np.testing.assert_array_equal(a, b)
