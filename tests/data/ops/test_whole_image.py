"""The box of a whole image."""

import numpy as np
import tensorflow as tf

from keras_kd.data import ops


def test_full_boxes():
    np.testing.assert_array_equal(ops.full_boxes(tf.constant([[3, 9]])), [[0, 0, 3, 9]])
