"""Resizing against bilinear interpolation in float64 and against TensorFlow's own."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_kd.data import FixedViews, build_dataset, evaluation_dataset
from keras_kd.data.resize import DRAWN, KERNELS, MIXED, NAMES, draw_kernels, resizer


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


def photo(height=45, width=61, channels=3):
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8))
    pixels = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
    return pixels[..., :channels]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["bilinear", "bicubic"])
def test_pillows_kernels_are_pillows(name, channels):
    image = photo(channels=channels)
    method = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}[name]
    picture = Image.fromarray(image[..., 0] if channels == 1 else image)
    want = np.asarray(picture.resize((16, 16), method), np.float32).reshape(16, 16, channels)
    got = resizer(16, f"pillow_{name}")(tf.constant(image))
    np.testing.assert_array_equal(got, want / np.float32(127.5) - 1)
    # TensorFlow's with antialiasing is the same up to Pillow's rounding to whole values, after
    # each of two passes.
    near = resizer(16, f"{name}_antialias")(tf.constant(image))
    assert np.abs((got - near) * 127.5).max() < 2
    assert np.abs((got - near) * 127.5).mean() < 0.5
    assert np.abs((got - resizer(16, "nearest")(tf.constant(image))) * 127.5).max() > 5


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("size", [(5, 4), (40, 31), (16, 16)])
def test_every_kernel_keeps_a_plain_area_and_the_range(name, size):
    image = np.full((*size, 3), 200, np.uint8)
    got = resizer(16, name)(tf.constant(image))
    np.testing.assert_allclose(got, np.full((16, 16, 3), 200 / 127.5 - 1), atol=1e-4)
    checks = np.uint8(255 * (np.indices(size).sum(0) % 2))[..., None].repeat(3, -1)
    got = resizer(16, name)(tf.constant(checks)).numpy()
    assert got.min() >= -1 and got.max() <= 1 and got.shape == (16, 16, 3)


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_knows_the_sides(digits, name):
    """Also of batches that are made in several groups of rows."""
    if name == MIXED:
        data = build_dataset(digits, "train", "same/ic", 70, 5, resize=name)
    else:
        data = evaluation_dataset(digits, "test", 70, 5, full_image=True, resize=name)
    assert data.element_spec[0].shape[1:] == (5, 5, 1)
    assert next(iter(data))[0].shape == (70, 5, 5, 1)


def test_mixed_shows_each_kernel_of_its_draw(digits):
    batches = {
        name: next(iter(build_dataset(digits, "train", "same/ic", 64, 5, seed=2, resize=name)))[0]
        for name in (*DRAWN, MIXED)
    }
    drawn = draw_kernels(64, 2, tf.constant(0, tf.int64)).numpy()
    assert set(drawn) == set(range(len(DRAWN)))
    want = [batches[DRAWN[index]][row] for row, index in enumerate(drawn)]
    np.testing.assert_allclose(batches[MIXED], want, atol=1e-6)
    assert len({float(tf.reduce_sum(batch)) for batch in batches.values()}) == len(batches)


def test_mixed_depends_on_seed_and_step_alone(digits):
    def batch(start, **options):
        options = {"batch_size": 6, "resolution": 5, "resize": MIXED, **options}
        return next(iter(build_dataset(digits, "train", "mix", start_step=start, **options)))[0]

    stream = build_dataset(digits, "train", "mix", 6, 5, resize=MIXED).take(4)
    for step, (image, _) in enumerate(stream):
        np.testing.assert_array_equal(image, batch(step))
    halves = [batch(3, worker_index=index, num_workers=2) for index in range(2)]
    np.testing.assert_array_equal(np.concatenate(halves), batch(3))
    assert np.abs(batch(0) - batch(0, seed=1)).max() > 0.1


def test_each_of_four_is_drawn_as_often():
    counts = np.zeros(len(DRAWN))
    for step in range(50):
        drawn = draw_kernels(40, 0, tf.constant(step, tf.int64)).numpy()
        counts += np.bincount(drawn, minlength=len(DRAWN))
    assert np.abs(counts / counts.sum() - 0.25).max() < 0.04  # four deviations of a fair draw


def test_evaluation_is_asked_with_another_kernel(digits):
    plain, other = (
        next(iter(evaluation_dataset(digits, "test", 20, 5, full_image=True, resize=name)))[0]
        for name in ("bilinear", "pillow_bilinear")
    )
    pixels = digits.split("test").store.images[:20]
    want = [resizer(5, "pillow_bilinear")(tf.constant(image)) for image in pixels]
    np.testing.assert_array_equal(other, want)
    assert np.abs(plain - other).max() > 0.05
    with pytest.raises(ValueError, match=r"resize must be one of bilinear.*'mixed'"):
        evaluation_dataset(digits, "test", 20, 5, resize="mixed")


def test_both_models_see_one_kernel(digits):
    options = {"resize": MIXED, "teacher_resolution": 5}
    x, _ = next(iter(build_dataset(digits, "train", "same/ic", 16, 5, **options)))
    assert x.shape == (16, 5, 5, 1)  # one tensor for both
    fixed = [
        FixedViews(digits, "train", "fix/rs", 5, resize=name).at(range(4))
        for name in ("bilinear", MIXED, "bicubic")
    ]
    np.testing.assert_array_equal(fixed[0], fixed[1])
    assert np.abs(fixed[0] - fixed[2]).max() > 0.02


def test_a_mistyped_kernel_is_refused(digits):
    with pytest.raises(ValueError, match=r"resize must be one of.*'bicubik'.*bicubic"):
        build_dataset(digits, "train", "same/ic", 4, 5, resize="bicubik")
