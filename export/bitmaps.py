"""Encoded images other than JPEG in a graph: colours behind a palette, and grey of any format."""

import tensorflow as tf

RGB, PALETTE = 3, 8  # channels; bits of a pixel that is a place in a palette
PNG = b"\x89PNG"


def decoded(encoded, channels):
    """The first frame of a PNG, GIF, BMP or WebP file.

    TensorFlow takes the places in a BMP's palette for greys, and makes no grey image of any format
    but PNG.

    Args:
        encoded: string scalar.
        channels: 1 or 3; alpha is dropped.

    Returns:
        uint8 `[H, W, channels]`. Colours become grey as those of a PNG do.

    Raises:
        tf.errors.InvalidArgumentError: when it runs, for no such file, or for a BMP that is
            compressed or of less than 8 bits.
    """
    if channels == RGB:
        return _colours(encoded)
    is_png = tf.equal(tf.strings.substr(encoded, 0, len(PNG)), PNG)
    # Through a PNG, so that the weights and the rounding are those that the evaluation has.
    other = lambda: tf.io.encode_png(_colours(encoded), compression=0)  # noqa: E731
    return tf.io.decode_png(tf.cond(is_png, lambda: encoded, other), channels=channels)


def _colours(encoded):
    image = tf.io.decode_image(encoded, channels=RGB, expand_animations=False)
    image.set_shape([None, None, RGB])
    is_bmp = tf.equal(tf.strings.substr(encoded, 0, 2), b"BM")
    has_palette = lambda: _number(encoded, 28, tf.int16) <= PALETTE  # noqa: E731
    return tf.cond(
        tf.cond(is_bmp, has_palette, lambda: False),
        lambda: _looked_up(encoded, image[..., 0]),
        lambda: image,
    )


def _looked_up(encoded, places):
    """Colours of a BMP's palette, which lies behind its headers: blue, green, red and a spare."""
    header, count = _number(encoded, 14), _number(encoded, 46)
    tf.debugging.assert_greater_equal(header, 40, "a BMP without a count of colours")
    tf.debugging.assert_equal(_number(encoded, 30), 0, "a compressed BMP")
    count = tf.where(count == 0, 2**PALETTE, count)
    palette = tf.io.decode_raw(tf.strings.substr(encoded, 14 + header, 4 * count), tf.uint8)
    return tf.gather(tf.reshape(palette, [count, 4])[:, 2::-1], tf.cast(places, tf.int32))


def _number(encoded, at, dtype=tf.int32):
    """A whole number that stands in a file at some byte, little-endian."""
    raw = tf.strings.substr(encoded, at, dtype.size)
    return tf.reshape(tf.io.decode_raw(raw, dtype), [])
