"""The mirror."""

import numpy as np
import tensorflow as tf

from keras_kd.data.ops.flip import Flip


def test_flip_mirrors_left_and_right():
    image = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)
    np.testing.assert_array_equal(
        Flip().apply(tf.constant(image), tf.constant(True)), image[:, ::-1]
    )
    np.testing.assert_array_equal(Flip().apply(tf.constant(image), tf.constant(False)), image)
