"""Boxes of a crop, made as the pipeline makes them, and what must hold for all of them."""

import numpy as np
import tensorflow as tf

from keras_kd.data.random_streams import stream_seed


def draw(function, sizes, step=0, **kwargs):
    """The boxes of an op, eager; checked to be the same inside tf.data."""
    sizes = np.asarray(sizes, np.int32)
    eager = function(tf.constant(sizes), stream_seed(1, "test", step), **kwargs).numpy()
    mapped = tf.data.Dataset.from_tensors(np.int64(step)).map(
        lambda s: function(tf.constant(sizes), stream_seed(1, "test", s), **kwargs)
    )
    np.testing.assert_array_equal(eager, next(mapped.as_numpy_iterator()))
    return eager


def assert_inside(boxes, sizes):
    assert boxes.dtype == np.int32
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] >= 1).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= np.asarray(sizes)).all()
