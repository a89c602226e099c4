"""Inception crops against closed forms."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from boxes import assert_inside, draw

from keras_kd.data.ops.inception_crop import inception_crop_boxes
from keras_kd.data.random_streams import stream_seed


def accepted_areas(grid):
    """CDF of the accepted area of a square image: uniform times the chance that the aspect fits."""
    density = np.minimum(1.0, -np.log(grid) / np.log(4 / 3))  # |ln aspect| <= -ln area
    steps = np.diff(grid) * (density[1:] + density[:-1]) / 2
    total = np.concatenate([[0], np.cumsum(steps)])
    return total / total[-1]


def test_inception_crop_area_follows_its_closed_form():
    side = 4000  # So large that rounding to pixels does not matter.
    sizes = np.full((20000, 2), side)
    boxes = draw(inception_crop_boxes, sizes)
    assert_inside(boxes, sizes)
    area = boxes[:, 2].astype(float) * boxes[:, 3] / side**2
    assert 0.049 < area.min() < 0.06 and area.max() > 0.97
    grid = np.linspace(0.05, 1.0, 20001)
    cdf = accepted_areas(grid)
    test = scipy.stats.kstest(area, lambda a: np.interp(a, grid, cdf))
    assert test.pvalue > 1e-3
    # A uniform area, as if every box fitted, is far off: the check above can fail.
    assert scipy.stats.kstest(area, scipy.stats.uniform(0.05, 0.95).cdf).pvalue < 1e-6


def test_inception_crop_aspect_is_log_uniform_and_places_uniform():
    side = 4000
    boxes = draw(inception_crop_boxes, np.full((20000, 2), side), area=(0.1, 0.5))
    log_aspect = np.log(boxes[:, 3] / boxes[:, 2])
    span = np.log(4 / 3)
    assert scipy.stats.kstest(log_aspect, scipy.stats.uniform(-span, 2 * span).cdf).pvalue > 1e-3
    places = boxes[:, :2] / (side - boxes[:, 2:])
    for axis in (0, 1):
        assert scipy.stats.kstest(places[:, axis], "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(places.T)[0, 1]) < 0.03


def test_inception_crop_falls_back_to_the_largest_central_box():
    sizes = np.array([[1000, 100], [100, 1000]])
    # The whole area never fits an aspect ratio within 3/4 .. 4/3 here.
    boxes = draw(inception_crop_boxes, sizes, area=(1.0, 1.0))
    np.testing.assert_array_equal(boxes, [[433, 0, 133, 100], [0, 433, 100, 133]])


def test_inception_crop_of_the_whole_square():
    boxes = draw(inception_crop_boxes, [[50, 50]] * 20, area=(1.0, 1.0), aspect=(1.0, 1.0))
    np.testing.assert_array_equal(boxes, [[0, 0, 50, 50]] * 20)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 2), (8, 8)])
def test_tiny_images_give_valid_boxes(size):
    sizes = np.tile([size], (300, 1))
    assert_inside(draw(inception_crop_boxes, sizes), sizes)


def test_steps_and_seeds_give_other_boxes():
    sizes = [[100, 100]] * 8
    first = draw(inception_crop_boxes, sizes, step=0)
    assert (first != draw(inception_crop_boxes, sizes, step=1)).any()
    other = inception_crop_boxes(tf.constant(sizes), stream_seed(2, "test", 0)).numpy()
    assert (first != other).any()
