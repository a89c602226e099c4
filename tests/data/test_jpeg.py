"""JPEG pixels are those of other decoders, to the bit where the box does not cut colours."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_kd.data.jpeg import crop_jpeg


@pytest.fixture(scope="module")
def encoded():
    """A photograph-like image: soft colours with grain, colours at half resolution."""
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (5, 7, 3), np.uint8))
    pixels = np.asarray(small.resize((120, 90), Image.Resampling.BICUBIC), int)
    buffer = io.BytesIO()
    grainy = np.clip(pixels + rng.normal(0, 15, pixels.shape), 0, 255).astype(np.uint8)
    Image.fromarray(grainy).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


@pytest.mark.parametrize(("channels", "mode"), [(3, "RGB"), (1, "L")])
def test_pixels_are_pillows(encoded, channels, mode):
    image = Image.open(io.BytesIO(encoded))
    image.draft(mode, image.size)  # grey as the file holds it
    expected = np.asarray(image.convert(mode)).reshape(90, 120, channels)
    whole = crop_jpeg(encoded, tf.constant([0, 0, 90, 120]), channels).numpy()
    np.testing.assert_array_equal(whole, expected)
    inner = crop_jpeg(encoded, tf.constant([20, 30, 40, 50]), channels).numpy()
    np.testing.assert_array_equal(inner[2:-2, 2:-2], expected[22:58, 32:78])
    # And not those of TensorFlow's own choice.
    fast = tf.io.decode_jpeg(encoded, channels).numpy()
    assert 0 < np.abs(fast.astype(int) - expected).max() < 16
