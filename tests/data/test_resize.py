"""Resizing against bilinear interpolation in float64 and against TensorFlow's own."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.data.resize import resizer


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
    got = resizer(side)(tf.constant(image))
    assert got.dtype == tf.float32
    np.testing.assert_allclose(got, want, atol=2e-6)
    mapped = tf.data.Dataset.from_tensors(image).map(lambda i: resizer(side)(i))
    np.testing.assert_array_equal(next(mapped.as_numpy_iterator()), got)


def test_resize_takes_images_of_different_sizes_and_equals_tf_image():
    images = [tf.constant(picture) for picture in (np.eye(5, 7), np.eye(3, 4))]
    images = [tf.cast(200 * image[..., None], tf.uint8) for image in images]
    resize = resizer(6)
    for image in images:
        np.testing.assert_array_equal(resize(image), tf.image.resize(image, (6, 6)) / 127.5 - 1)


def test_resize_meets_the_ends_of_the_range():
    ends = np.array([[[0], [255]]], np.uint8)
    np.testing.assert_array_equal(resizer(2)(tf.constant(ends))[0, :, 0], [-1.0, 1.0])
