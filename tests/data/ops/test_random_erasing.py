"""Boxes in grey: how large, how long, where, and how many."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from keras_kd.data.ops.random_erasing import RandomErasing
from keras_kd.data.random_streams import Stream


def boxes(op, count=4000):
    stream = Stream(0, "student random_erasing", tf.constant(0, tf.int64))
    return op.draw(np.full((count, 2), 8, np.int32), stream).numpy()


def test_area_and_aspect_follow_their_distributions():
    edges = boxes(RandomErasing(1.0, 0.02, 0.2, 0.3))  # so small that no box meets a side's length
    sides = edges[:, 1] - edges[:, 0]
    area, aspect = sides.prod(axis=1), sides[:, 0] / sides[:, 1]
    assert scipy.stats.kstest(area, scipy.stats.uniform(0.02, 0.18).cdf).pvalue > 1e-3
    reach = -np.log(0.3)
    assert scipy.stats.kstest(
        np.log(aspect), scipy.stats.uniform(-reach, 2 * reach).cdf
    ).pvalue > 1e-3  # fmt: skip
    assert (edges >= 0).all() and (edges <= 1 + 1e-6).all()
    place = edges[:, 0] / (1 - sides)
    assert scipy.stats.kstest(place.ravel(), "uniform").pvalue > 1e-3


def test_some_stay_whole():
    edges = boxes(RandomErasing())
    whole = (edges[:, 0] == edges[:, 1]).all(axis=1)
    assert scipy.stats.binomtest(int(whole.sum()), len(whole), 0.75).pvalue > 1e-3


def test_the_box_is_grey_and_nothing_else():
    image = np.random.default_rng(0).integers(129, 256, (8, 10, 3), np.uint8)
    edges = tf.constant([[0.25, 0.1], [0.5, 0.7]])
    want = image.copy()
    want[2:4, 1:7] = 128
    np.testing.assert_array_equal(RandomErasing().apply(tf.constant(image), edges), want)
    none = RandomErasing().apply(tf.constant(image), tf.constant([[0.3, 0.3], [0.3, 0.3]]))
    np.testing.assert_array_equal(none, image)


def test_areas_the_wrong_way_round_are_refused():
    with pytest.raises(ValueError, match=r"area_low of random_erasing must be at most area_high"):
        RandomErasing(0.5, 0.4, 0.2)
