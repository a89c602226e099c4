"""The EXIF orientation of an encoded image, read by TensorFlow's operations alone.

A SavedModel that serves bytes has nothing else. See `keras_kd.data.orientation` for what it means.
JPEG files hold EXIF data in a segment near their beginning, PNG and WebP files in a chunk anywhere:
it is found by its name and by what all such data begin with, which no pixels have by chance.
"""

import functools

import tensorflow as tf

from keras_kd.data.orientation import UPRIGHT

_LARGEST = 65536  # bytes of a JPEG's first segment that holds metadata, and of what is read of any
_TAG, _ENTRY = 0x0112, 12  # bytes of an entry: tag, type, count, value
_JPEG = b"Exif\0\0"
_PNG, _WEBP = b"eXIf", b"EXIF"
_GAPS = {_PNG: (0, len(_JPEG)), _WEBP: (4, 4 + len(_JPEG))}  # a WebP's chunk tells its length first
_ORDERS = (b"II*\0", b"MM\0*")  # little-endian or big-endian


def orientation_of(encoded):
    """The orientation that an image tells.

    Args:
        encoded: string scalar, an image file of any kind.

    Returns:
        int32 scalar in [1, 8]; 1 where it tells none, or nonsense.
    """
    start = tf.strings.join([tf.strings.substr(encoded, 0, 16), "\0" * 16])  # never too short
    is_png = tf.equal(tf.strings.substr(start, 0, 4), b"\x89PNG")
    is_webp = tf.equal(tf.strings.substr(start, 8, 4), b"WEBP")
    header = tf.case(
        [(is_png, lambda: _in_chunk(encoded, _PNG)), (is_webp, lambda: _in_chunk(encoded, _WEBP))],
        default=lambda: _in_segment(encoded),
    )
    return tf.cond(
        tf.strings.length(header) > 0,
        lambda: _in_header(_numbers(header)),
        lambda: tf.constant(UPRIGHT),
    )


def _in_segment(encoded):
    """The EXIF data of a JPEG from their TIFF header on, a string scalar; empty: there are none."""
    head = tf.strings.substr(encoded, 0, _LARGEST)
    return _from(head, _places(tf.io.decode_raw(head, tf.uint8), _JPEG), len(_JPEG))


def _in_chunk(encoded, name):
    """As `_in_segment`, of a file in which a chunk of this name holds them."""
    # The bytes as they are: a file may be large, and its pixels lie before the chunk.
    raw, found = tf.io.decode_raw(encoded, tf.uint8), tf.constant("")
    for gap in _GAPS[name]:
        for order in _ORDERS:
            places = _places(raw, name, (len(name) + gap, order))
            here = _from(encoded, places, len(name) + gap)
            found = tf.where(tf.strings.length(found) > 0, found, here)
    return found


def _places(raw, what, then=(0, b"")):
    """Where uint8 `[N]` holds some bytes, and at a distance from their beginning some others."""
    wanted = [*enumerate(what), *enumerate(then[1], start=then[0])]
    windows = tf.maximum(tf.size(raw) - 1 - max(at for at, _ in wanted) + 1, 0)
    here = [raw[at : at + windows] == byte for at, byte in wanted]
    return tf.where(functools.reduce(tf.logical_and, here))[:, 0]


def _from(encoded, places, further):
    """What follows the first of some places, or nothing where there is none."""
    return tf.cond(
        tf.size(places) > 0,
        lambda: tf.strings.substr(encoded, tf.cast(places[0], tf.int32) + further, _LARGEST),
        lambda: tf.constant(""),
    )


def _numbers(header):
    """The bytes as int32, with zeros behind the end: what is cut short says nothing."""
    values = tf.cast(tf.io.decode_raw(header, tf.uint8), tf.int32)
    return tf.concat([values, tf.zeros([2 * _ENTRY], tf.int32)], 0)


def _in_header(header):
    """The orientation in a TIFF header: byte order, place of the entries, the entries."""
    little = header[0] == ord("I")

    def number(part):
        """The value of bytes along the last axis."""
        part = tf.where(little, part, tf.reverse(part, [-1]))
        return tf.reduce_sum(part * 256 ** tf.range(tf.shape(part)[-1]), axis=-1)

    first = tf.clip_by_value(number(header[4:8]), 0, tf.size(header) - 2) + 2
    count = tf.minimum(number(header[first - 2 : first]), (tf.size(header) - first) // _ENTRY)
    entries = tf.reshape(header[first : first + count * _ENTRY], [-1, _ENTRY])
    told = tf.boolean_mask(number(entries[:, 8:10]), number(entries[:, :2]) == _TAG)
    known = tf.boolean_mask(told, (told >= 1) & (told <= 8))
    return tf.concat([known, [UPRIGHT]], 0)[0]
