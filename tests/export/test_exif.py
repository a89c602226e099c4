"""The orientation in an image file by operations of a graph, against what Pillow reads."""

import io
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from keras_kd.data import orientation
from keras_kd.export.exif import orientation_of

GRAPH = tf.function(orientation_of, input_signature=[tf.TensorSpec([], tf.string)])


def image(told=None, order=b"II", more=False, kind="JPEG"):
    exif = Image.Exif()
    exif.endian = {b"II": "<", b"MM": ">"}[order]
    if more:
        exif[0x010E], exif[0x0110] = "a description that lies elsewhere", "a camera"
    if told is not None:
        exif[0x0112] = told
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(buffer, kind, exif=exif)
    return buffer.getvalue()


def chunk(name, data):
    """A chunk of a PNG file."""
    check = zlib.crc32(name + data)
    return len(data).to_bytes(4, "big") + name + data + check.to_bytes(4, "big")


def moved_to_the_end(png):
    """The same PNG, whose EXIF data come after its pixels, as the standard allows."""
    at = png.index(b"eXIf") - 4
    length = int.from_bytes(png[at : at + 4], "big") + 12
    end = png.index(b"IEND") - 4
    return png[:at] + png[at + length : end] + png[at : at + length] + png[end:]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("order", [b"II", b"MM"])
@pytest.mark.parametrize("told", range(1, 9))
def test_each_orientation_in_either_byte_order(told, order, kind):
    encoded = image(told, order, more=told % 2 == 0, kind=kind)
    assert order + (b"*\0" if order == b"II" else b"\0*") in encoded
    assert int(GRAPH(encoded)) == orientation.orientation_of(encoded) == told


def test_a_chunk_behind_the_pixels():
    encoded = moved_to_the_end(image(6, kind="PNG"))
    assert encoded.index(b"eXIf") > encoded.index(b"IDAT")
    assert int(GRAPH(encoded)) == orientation.orientation_of(encoded) == 6


def test_a_chunk_that_begins_as_a_jpeg_s_segment_does():
    """As some writers make them, and Pillow takes them."""
    plain = image(kind="PNG")
    data = image(8)
    data = data[data.index(b"Exif\0\0") :][:40]
    encoded = plain[: plain.index(b"IEND") - 4] + chunk(b"eXIf", data) + chunk(b"IEND", b"")
    assert int(GRAPH(encoded)) == orientation.orientation_of(encoded) == 8


def test_the_name_of_a_chunk_alone_is_none():
    """A comment may hold the word."""
    text = chunk(b"tEXt", b"Comment\0eXIf, EXIF, Exif\0\0 and no more")
    plain = image(kind="PNG")
    encoded = plain[: plain.index(b"IDAT") - 4] + text + plain[plain.index(b"IDAT") - 4 :]
    with Image.open(io.BytesIO(encoded)) as opened:
        assert ImageOps.exif_transpose(opened).size == (8, 8)
    assert int(GRAPH(encoded)) == 1


@pytest.mark.parametrize(
    "encoded",
    [
        image(),
        image(9),
        image(0),
        image(0, kind="PNG"),
        image(9, kind="WEBP"),
        b"",
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\x7f",
        image(6)[:34],
        image(6, kind="PNG")[:48],
        b"\x89PNGeXIfII*\0\xff\xff\xff\x7f",
        b"\x89PNGeXIf",
        b"RIFF\0\0\0\0WEBPEXIF\0\0\0\0MM\0*\0\0\0\x08\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
        b"BM" + bytes(60),
    ],
)
def test_nothing_and_nonsense_are_upright(encoded):
    assert int(GRAPH(encoded)) == 1
