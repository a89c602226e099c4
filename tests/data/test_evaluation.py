"""Evaluation batches: complete, in order, and of the part of each image that they promise."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.data import evaluation_dataset


def test_evaluation_is_in_order_and_complete(photos):
    examples = photos.split("train")
    data = evaluation_dataset(photos, "train", 12, 16, with_ids=True)
    got = list(data.as_numpy_iterator())
    assert data.cardinality() == len(got) == 4
    assert [len(y) for _, y in got] == [12, 12, 12, 4]
    np.testing.assert_array_equal(np.concatenate([x["id"] for x, _ in got]), examples.ids)
    np.testing.assert_array_equal(np.concatenate([y for _, y in got]), examples.labels)


@pytest.mark.parametrize("fill_to", [1, 3, 4])
def test_evaluation_fills_up_where_no_shape_may_be_open(photos, fill_to):
    plain = list(evaluation_dataset(photos, "train", 12, 16).as_numpy_iterator())
    data = evaluation_dataset(photos, "train", 12, 16, fill_to=fill_to)
    got = list(data.as_numpy_iterator())
    assert len(got) == -(-4 // fill_to) * fill_to
    assert all(s.shape.is_fully_defined() for s in tf.nest.flatten(data.element_spec))
    images, labels, weights = (np.concatenate(parts) for parts in zip(*got))
    np.testing.assert_array_equal(images[:40], np.concatenate([x for x, _ in plain]))
    np.testing.assert_array_equal(labels[:40], np.concatenate([y for _, y in plain]))
    np.testing.assert_allclose(weights, np.repeat([len(weights) / 40, 0], [40, len(weights) - 40]))


def test_evaluation_shows_the_central_seven_eighths(photos):
    """Red is 2 * row and green 2 * column, so the box can be read off the pixels."""
    sizes = photos.split("train").sizes
    x, _ = next(evaluation_dataset(photos, "train", 40, 64).as_numpy_iterator())
    pixels = (x.astype(np.float64) + 1) * 127.5 / 2
    side = np.rint(sizes.min(1) * 7 / 8)
    for axis, channel in ((1, 0), (2, 1)):
        start = (sizes[:, axis - 1] - side) // 2
        centre = start + (side - 1) / 2
        np.testing.assert_allclose(pixels[..., channel].mean((1, 2)), centre, atol=0.8)
        edges = np.take(pixels[..., channel], [0, -1], axis=axis)
        spread = np.diff(edges.mean(3 - axis), axis=1)[:, 0]
        np.testing.assert_allclose(spread, side - 1, atol=1.5)


def test_full_image_cuts_nothing(digits):
    x, _ = next(evaluation_dataset(digits, "test", 500, 8, full_image=True).as_numpy_iterator())
    want = digits.split("test").store.images / 127.5 - 1
    np.testing.assert_allclose(x, want, atol=1e-6)


def test_evaluation_at_two_sizes(digits):
    x, y = next(iter(evaluation_dataset(digits, "test", 64, 8, teacher_resolution=16)))
    assert x["student"].shape == (64, 8, 8, 1) and x["teacher"].shape == (64, 16, 16, 1)
    assert y.dtype == tf.int32


def test_evaluation_refuses_the_same(photos):
    with pytest.raises(ValueError, match="batch_size must be a whole number"):
        evaluation_dataset(photos, "train", 0, 8)
