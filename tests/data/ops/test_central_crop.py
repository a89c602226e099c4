"""The central square against numbers by hand, eager and inside tf.data."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.data import ops


def test_central_boxes_are_seven_eighths_of_the_short_side():
    sizes = np.array([[160, 160], [256, 320], [400, 256], [1, 5], [8, 8]], np.int32)
    want = [[10, 10, 140, 140], [16, 48, 224, 224], [88, 16, 224, 224], [0, 2, 1, 1], [0, 0, 7, 7]]
    np.testing.assert_array_equal(ops.central_boxes(tf.constant(sizes)), want)
    inside = tf.data.Dataset.from_tensors(sizes).map(ops.central_boxes)
    np.testing.assert_array_equal(next(inside.as_numpy_iterator()), want)


@pytest.mark.parametrize("scale", [8 / 7, 1.25, 160 / 128, 448 / 384, 1.1, 512 / 480])
def test_the_box_is_the_same_eager_in_a_graph_and_inside_tf_data(scale):
    """Half pixels included: the served box is the evaluated one."""
    sizes = np.stack([np.arange(1, 4097)] * 2, axis=1).astype(np.int32)
    boxes = functools.partial(ops.central_boxes, scale=scale)
    eager = boxes(tf.constant(sizes)).numpy()
    graph = tf.function(boxes)(tf.constant(sizes)).numpy()
    mapped = next(tf.data.Dataset.from_tensors(sizes).map(boxes).as_numpy_iterator())
    np.testing.assert_array_equal(graph, eager)
    np.testing.assert_array_equal(mapped, eager)
    want = np.rint(sizes[:, 0].astype(np.float32) / np.float32(scale)).clip(1)
    np.testing.assert_array_equal(eager[:, 2], want)
