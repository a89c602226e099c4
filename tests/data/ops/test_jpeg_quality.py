"""Saved as JPEG and read again, against Pillow."""

import io

import numpy as np
import pillow_changes
import pytest
import tensorflow as tf
from PIL import Image

from keras_kd.data.ops.jpeg_quality import JpegQuality
from keras_kd.data.random_streams import Stream


@pytest.mark.parametrize("quality", [1, 30, 75, 95, 100])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_pillows(quality, channels):
    image = pillow_changes.photograph(40, channels, width=29)
    got = JpegQuality().apply(tf.constant(image), tf.constant(quality))
    file = io.BytesIO()
    Image.fromarray(image if channels > 1 else image[..., 0]).save(file, "JPEG", quality=quality)
    want = np.asarray(Image.open(file)).reshape(image.shape)
    pillow_changes.assert_close(got, want)


def test_qualities_are_those_of_the_range_and_all_of_them():
    op = JpegQuality(30, 34)
    stream = Stream(0, "student jpeg_quality", tf.constant(0, tf.int64))
    drawn = op.draw(np.full((500, 2), 8, np.int32), stream).numpy()
    assert set(drawn) == {30, 31, 32, 33, 34}


def test_a_range_the_wrong_way_round_is_refused():
    with pytest.raises(ValueError, match=r"low of jpeg_quality must be at most high.*low=90\.0"):
        JpegQuality(90, 30)
