"""Stored logits against closed forms: sizes, rounding, spread mass, extreme values."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.teachers.cache.codec import Codec


def softmax(logits, temperature=1.0):
    z = np.asarray(logits, np.float64) / temperature
    z = np.exp(z - z.max(axis=-1, keepdims=True))
    return z / z.sum(axis=-1, keepdims=True)


def read_back(codec, logits):
    return codec.decode({k: tf.constant(v) for k, v in codec.encode(logits).items()}).numpy()


@pytest.mark.parametrize(
    ("codec", "size"),
    [
        (Codec(1000), 2004),
        (Codec(1000, "float32"), 4000),
        (Codec(1000, top_k=10), 42),
        (Codec(70_000, top_k=10), 62),
        (Codec(1000, "float32", 10), 64),
    ],
)
def test_bytes_an_image_are_what_the_arrays_hold(codec, size):
    arrays = codec.encode(np.random.default_rng(0).normal(size=(3, 2, codec.num_classes)))
    assert codec.bytes_per_image == size
    assert sum(array.nbytes for array in arrays.values()) == 6 * size
    assert {k: (v.dtype, v.shape) for k, v in arrays.items()} == codec.shapes(3, 2)


def test_float32_keeps_every_bit():
    logits = np.random.default_rng(0).normal(size=(5, 7)).astype("float32") * 1e6
    np.testing.assert_array_equal(read_back(Codec(7, "float32"), logits), logits)


@pytest.mark.parametrize("offset", [0.0, 3e4, -1e6])
def test_float16_is_off_by_the_stated_share_of_the_distance_to_the_largest(offset):
    noise = np.random.default_rng(0).normal(size=(50, 100)) * 30
    logits = (noise + offset).astype("float32")
    distance = logits.max(axis=-1, keepdims=True) - logits
    off = np.abs(read_back(Codec(100), logits) - logits)
    # Beside float32's own rounding, at most half a step, of the sum.
    assert (off <= distance * 2**-11 + np.spacing(np.abs(logits)) / 2).all()
    assert off.max() > 0  # the bound is not met by an exact copy


def test_float16_of_extreme_logits_is_finite():
    found = read_back(Codec(3), [[1e5, 0.0, -1e30], [3e38, 0.0, -1e30]])
    np.testing.assert_array_equal(found[0], [1e5, 1e5 - 65504, 1e5 - 65504])
    assert np.isfinite(found).all()


def test_top_k_keeps_the_largest_and_spreads_the_rest():
    logits = np.random.default_rng(0).normal(size=(20, 12)).astype("float32") * 3
    expected = softmax(logits)
    for row in expected:
        small = np.argsort(row)[:-4]
        row[small] = row[small].mean()
    found = read_back(Codec(12, "float32", 4), logits)
    np.testing.assert_allclose(np.exp(found), expected, atol=1e-6)
    halves = read_back(Codec(12, "float16", 4), logits)
    np.testing.assert_allclose(softmax(halves), expected, atol=2e-3)


def test_top_k_serves_other_temperatures_where_little_is_left_out():
    logits = np.random.default_rng(0).normal(size=(20, 12)).astype("float32")
    logits[:, :4] += 20
    found = read_back(Codec(12, "float32", 4), logits)
    np.testing.assert_allclose(softmax(found, 2.0), softmax(logits, 2.0), atol=1e-4)


def test_top_k_of_one_certain_class_is_finite():
    found = read_back(Codec(1000, top_k=1), np.eye(1000, dtype="float32")[:2] * 1e5)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found.argmax(-1), [0, 1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((10, "float64"), "dtype='float64'"),
        ((10, "float16", -1), "top_k=-1"),
        ((10, "float16", 10), "top_k=10"),
    ],
)
def test_impossible_codecs_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Codec(*arguments)
