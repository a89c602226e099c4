"""Boxes, flips and resizing against closed forms; each op alone and inside tf.data."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from keras_kd.data import ops
from keras_kd.data.random_streams import epoch_positions, stream_seed


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


def test_central_boxes_are_seven_eighths_of_the_short_side():
    sizes = np.array([[160, 160], [256, 320], [400, 256], [1, 5], [8, 8]], np.int32)
    want = [[10, 10, 140, 140], [16, 48, 224, 224], [88, 16, 224, 224], [0, 2, 1, 1], [0, 0, 7, 7]]
    np.testing.assert_array_equal(ops.central_boxes(tf.constant(sizes)), want)
    inside = tf.data.Dataset.from_tensors(sizes).map(ops.central_boxes)
    np.testing.assert_array_equal(next(inside.as_numpy_iterator()), want)


def test_full_boxes():
    np.testing.assert_array_equal(ops.full_boxes(tf.constant([[3, 9]])), [[0, 0, 3, 9]])


def test_random_crop_is_uniform_over_all_places():
    sizes = np.tile([[16, 20]], (20000, 1))
    boxes = draw(ops.random_crop_boxes, sizes)
    assert_inside(boxes, sizes)
    assert (boxes[:, 2:] == 14).all()  # 16 / (8/7)
    counts = np.zeros((3, 7))  # 16 - 14 + 1 by 20 - 14 + 1 places
    np.add.at(counts, (boxes[:, 0], boxes[:, 1]), 1)
    assert counts.sum() == 20000
    assert scipy.stats.chisquare(counts.ravel()).pvalue > 1e-3


def test_random_crop_of_scale_one_is_the_short_side():
    boxes = draw(ops.random_crop_boxes, np.tile([[9, 9]], (50, 1)), scale=1.0)
    np.testing.assert_array_equal(boxes, np.tile([[0, 0, 9, 9]], (50, 1)))


def accepted_areas(grid):
    """CDF of the accepted area of a square image: uniform times the chance that the aspect fits."""
    density = np.minimum(1.0, -np.log(grid) / np.log(4 / 3))  # |ln aspect| <= -ln area
    steps = np.diff(grid) * (density[1:] + density[:-1]) / 2
    total = np.concatenate([[0], np.cumsum(steps)])
    return total / total[-1]


def test_inception_crop_area_follows_its_closed_form():
    side = 4000  # So large that rounding to pixels does not matter.
    sizes = np.full((20000, 2), side)
    boxes = draw(ops.inception_crop_boxes, sizes)
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
    boxes = draw(ops.inception_crop_boxes, np.full((20000, 2), side), area=(0.1, 0.5))
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
    boxes = draw(ops.inception_crop_boxes, sizes, area=(1.0, 1.0))
    np.testing.assert_array_equal(boxes, [[433, 0, 133, 100], [0, 433, 100, 133]])


def test_inception_crop_of_the_whole_square():
    boxes = draw(ops.inception_crop_boxes, [[50, 50]] * 20, area=(1.0, 1.0), aspect=(1.0, 1.0))
    np.testing.assert_array_equal(boxes, [[0, 0, 50, 50]] * 20)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 2), (8, 8)])
def test_tiny_images_give_valid_boxes(size):
    sizes = np.tile([size], (300, 1))
    assert_inside(draw(ops.inception_crop_boxes, sizes), sizes)
    assert_inside(draw(ops.random_crop_boxes, sizes), sizes)


def test_steps_and_seeds_give_other_boxes():
    sizes = [[100, 100]] * 8
    first = draw(ops.inception_crop_boxes, sizes, step=0)
    assert (first != draw(ops.inception_crop_boxes, sizes, step=1)).any()
    other = ops.inception_crop_boxes(tf.constant(sizes), stream_seed(2, "test", 0)).numpy()
    assert (first != other).any()


def test_flip_mirrors_left_and_right():
    image = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)
    np.testing.assert_array_equal(ops.flip(tf.constant(image), tf.constant(True)), image[:, ::-1])
    np.testing.assert_array_equal(ops.flip(tf.constant(image), tf.constant(False)), image)


def bilinear(image, side):
    """Half-pixel-centre bilinear interpolation in float64."""

    def weights(size):
        centre = np.clip((np.arange(side) + 0.5) * size / side - 0.5, 0, size - 1)
        low = np.floor(centre).astype(int)
        high = np.minimum(low + 1, size - 1)
        matrix = np.zeros((side, size))
        np.add.at(matrix, (np.arange(side), low), 1 - (centre - low))
        np.add.at(matrix, (np.arange(side), high), centre - low)
        return matrix

    rows, columns = weights(image.shape[0]), weights(image.shape[1])
    return np.einsum("ah,bw,hwc->abc", rows, columns, image.astype(np.float64))


@pytest.mark.parametrize("shape,side", [((9, 7, 3), 5), ((4, 4, 1), 11), ((6, 6, 3), 6)])
def test_resize_is_bilinear_in_minus_one_to_one(shape, side):
    image = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    want = bilinear(image, side) / 127.5 - 1
    got = ops.resizer(side)(tf.constant(image))
    assert got.dtype == tf.float32
    np.testing.assert_allclose(got, want, atol=2e-6)
    mapped = tf.data.Dataset.from_tensors(image).map(lambda i: ops.resizer(side)(i))
    np.testing.assert_array_equal(next(mapped.as_numpy_iterator()), got)


def test_resize_takes_images_of_different_sizes_and_equals_tf_image():
    images = [tf.constant(picture) for picture in (np.eye(5, 7), np.eye(3, 4))]
    images = [tf.cast(200 * image[..., None], tf.uint8) for image in images]
    resize = ops.resizer(6)
    for image in images:
        np.testing.assert_array_equal(resize(image), tf.image.resize(image, (6, 6)) / 127.5 - 1)


def test_resize_meets_the_ends_of_the_range():
    ends = np.array([[[0], [255]]], np.uint8)
    np.testing.assert_array_equal(ops.resizer(2)(tf.constant(ends))[0, :, 0], [-1.0, 1.0])


@pytest.mark.parametrize("count", [1, 2, 7, 50])
def test_order_is_a_permutation_of_every_epoch(count):
    epochs = np.stack(
        [
            epoch_positions(tf.range(e * count, (e + 1) * count, dtype=tf.int64), count, 3).numpy()
            for e in range(12)
        ]
    )
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(count), (12, 1)))
    if count == 50:
        assert len(np.unique(epochs, axis=0)) == 12


def test_order_does_not_depend_on_where_a_batch_begins():
    ranks = tf.range(95, 105, dtype=tf.int64)  # Meets the epochs 1 and 2 of 50 examples each.
    whole = epoch_positions(ranks, 50, 3).numpy()
    halves = [epoch_positions(part, 50, 3).numpy() for part in (ranks[:5], ranks[5:])]
    np.testing.assert_array_equal(whole, np.concatenate(halves))


def test_order_is_uniform_and_does_not_repeat_after_many_epochs():
    """A kernel seeded by counting up knows 256 permutations only; long schedules need thousands."""
    count, epochs = 30, 800

    def epoch(e):
        return epoch_positions(e * count + tf.range(count, dtype=tf.int64), count, 0)

    data = tf.data.Dataset.range(epochs).map(epoch).batch(epochs)
    orders = next(data.as_numpy_iterator())
    assert len(np.unique(orders, axis=0)) == epochs
    table = np.stack([np.bincount(orders[:, i], minlength=count) for i in range(count)])
    statistic = ((table - epochs / count) ** 2 / (epochs / count)).sum()
    assert scipy.stats.chi2.sf(statistic, (count - 1) ** 2) > 1e-4
    neighbours = (np.diff(orders, axis=1) == 1).mean() * count
    assert abs(neighbours - (count - 1) / count) < 0.1  # Expected (N-1)/(N(N-1)) a place.
