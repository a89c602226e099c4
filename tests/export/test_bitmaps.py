"""Files other than JPEG in a graph: as Pillow reads them, or refused."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_kd.export.bitmaps import decoded

PICTURE = np.random.default_rng(0).integers(0, 256, (13, 18, 3), np.uint8)


def encoded(form, mode="RGB", **options):
    image = Image.fromarray(PICTURE)
    image = image.quantize(40) if mode == "P" else image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


FILES = {
    "colours": encoded("BMP"),
    "palette": encoded("BMP", "P"),
    "greys": encoded("BMP", "L"),
    "transparent": encoded("BMP", "RGBA"),
    "gif": encoded("GIF"),
    "webp": encoded("WEBP", lossless=True),
    "png": encoded("PNG"),
    "png with a palette": encoded("PNG", "P"),
}


@pytest.mark.parametrize("name", FILES)
def test_colours_and_greys_are_those_that_pillow_sees(name):
    run = {channels: tf.function(lambda x, c=channels: decoded(x, c)) for channels in (1, 3)}
    with Image.open(io.BytesIO(FILES[name])) as image:
        want = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(run[3](FILES[name]), want)
    luma = want @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    assert np.abs(run[1](FILES[name])[..., 0] - luma).max() <= 1.5


def without_size(content):
    """An older header has another length, and its palette lies elsewhere."""
    return content[:14] + (12).to_bytes(4, "little") + content[18:]


WRONG = {
    "bits": encoded("BMP", "1"),
    "compressed": FILES["palette"][:30] + b"\1\0\0\0" + FILES["palette"][34:],
    "old header": without_size(FILES["palette"]),
    "cut": FILES["palette"][:200],
    "short palette": FILES["palette"][:46] + b"\2\0\0\0" + FILES["palette"][50:],
    "nothing": b"",
    "two letters": b"BM",
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", WRONG)
def test_what_would_come_out_wrong_is_an_error(name, channels):
    with pytest.raises(tf.errors.OpError):
        tf.function(lambda x: decoded(x, channels))(WRONG[name])
