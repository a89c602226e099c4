"""The orientation in a JPEG, by operations of a graph, against what Pillow writes and reads."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_kd.data import orientation
from keras_kd.export.exif import orientation_of

GRAPH = tf.function(orientation_of, input_signature=[tf.TensorSpec([], tf.string)])


def jpeg(told=None, order=b"II", more=False):
    exif = Image.Exif()
    exif.endian = {b"II": "<", b"MM": ">"}[order]
    if more:
        exif[0x010E], exif[0x0110] = "a description that lies elsewhere", "a camera"
    if told is not None:
        exif[0x0112] = told
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("order", [b"II", b"MM"])
@pytest.mark.parametrize("told", range(1, 9))
def test_each_orientation_in_either_byte_order(told, order):
    encoded = jpeg(told, order, more=told % 2 == 0)
    assert order + (b"*\0" if order == b"II" else b"\0*") in encoded
    assert int(GRAPH(encoded)) == orientation.orientation_of(encoded) == told


@pytest.mark.parametrize(
    "encoded",
    [jpeg(), jpeg(9), jpeg(0), b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\x7f", jpeg(6)[:34],
     b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"],
)  # fmt: skip
def test_nothing_and_nonsense_are_upright(encoded):
    assert int(GRAPH(encoded)) == 1
