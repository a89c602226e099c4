"""The mild random crop against the uniform distribution."""

import numpy as np
import pytest
import scipy.stats
from boxes import assert_inside, draw

from keras_kd.data.ops.random_crop import random_crop_boxes


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 2), (8, 8)])
def test_tiny_images_give_valid_boxes(size):
    sizes = np.tile([size], (300, 1))
    assert_inside(draw(random_crop_boxes, sizes), sizes)


def test_random_crop_is_uniform_over_all_places():
    sizes = np.tile([[16, 20]], (20000, 1))
    boxes = draw(random_crop_boxes, sizes)
    assert_inside(boxes, sizes)
    assert (boxes[:, 2:] == 14).all()  # 16 / (8/7)
    counts = np.zeros((3, 7))  # 16 - 14 + 1 by 20 - 14 + 1 places
    np.add.at(counts, (boxes[:, 0], boxes[:, 1]), 1)
    assert counts.sum() == 20000
    assert scipy.stats.chisquare(counts.ravel()).pvalue > 1e-3


def test_random_crop_of_scale_one_is_the_short_side():
    boxes = draw(random_crop_boxes, np.tile([[9, 9]], (50, 1)), scale=1.0)
    np.testing.assert_array_equal(boxes, np.tile([[0, 0, 9, 9]], (50, 1)))
