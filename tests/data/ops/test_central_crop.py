"""The central square against numbers by hand, eager and inside tf.data."""

import functools
from fractions import Fraction

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.data import ops
from keras_kd.utils import crops


def test_central_boxes_are_seven_eighths_of_the_short_side():
    sizes = np.array([[160, 160], [256, 320], [400, 256], [1, 5], [8, 8]], np.int32)
    want = [[10, 10, 140, 140], [16, 48, 224, 224], [88, 16, 224, 224], [0, 2, 1, 1], [0, 0, 7, 7]]
    np.testing.assert_array_equal(ops.central_boxes(tf.constant(sizes)), want)
    inside = tf.data.Dataset.from_tensors(sizes).map(ops.central_boxes)
    np.testing.assert_array_equal(next(inside.as_numpy_iterator()), want)


@pytest.mark.parametrize("scale", [8 / 7, 1.25, 160 / 128, 448 / 384, 1.1, 512 / 480])
def test_the_box_is_the_same_eager_in_a_graph_and_inside_tf_data(scale, tmp_path):
    """Half pixels included: the served box is the evaluated one, and that of the recipe."""
    sizes = np.stack([np.arange(1, 4097)] * 2, axis=1).astype(np.int32)
    boxes = functools.partial(ops.central_boxes, scale=scale)
    eager = boxes(tf.constant(sizes)).numpy()
    graph = tf.function(boxes)(tf.constant(sizes)).numpy()
    mapped = next(tf.data.Dataset.from_tensors(sizes).map(boxes).as_numpy_iterator())
    np.testing.assert_array_equal(graph, eager)
    np.testing.assert_array_equal(mapped, eager)
    saved = tf.Module()
    saved.boxes = tf.function(boxes, input_signature=[tf.TensorSpec([None, 2], tf.int32)])
    tf.saved_model.save(saved, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path)).boxes(sizes).numpy()
    np.testing.assert_array_equal(loaded, eager)
    # The recipe by hand, in whole numbers; and the nearest whole number to the quotient.
    short = sizes[:, 0].tolist()
    recipe = [crops.central_side(side, scale) for side in short]
    np.testing.assert_array_equal(eager[:, 2], recipe)
    exact = [Fraction(side) / Fraction(scale).limit_denominator(500) for side in short]
    half = Fraction(1, 2)
    assert all(abs(got - want) <= half for got, want in zip(recipe[1:], exact[1:]))
    ties = [got - want for got, want in zip(recipe, exact) if abs(got - want) == half]
    assert not any(gap > 0 for gap in ties[1:])


def test_seven_eighths_by_hand():
    assert [crops.central_side(short) for short in (160, 224, 4, 20, 12, 1, 4096)] == [
        *(140, 196, 3, 17, 10, 1, 3584),
    ]
    assert all(
        crops.central_side(short) == max((14 * short + 7) // 16, 1) for short in range(1, 5000)
    )
    assert crops.as_quotient(8 / 7) == (8, 7) and crops.as_quotient(1.25) == (5, 4)
    assert crops.as_quotient(np.float32(8 / 7)) == (8, 7) and crops.as_quotient(1) == (1, 1)
