"""The EXIF orientation of a JPEG file, read by TensorFlow's operations alone.

A SavedModel that serves bytes has nothing else. See `keras_kd.data.orientation` for what it means.
"""

import tensorflow as tf

from keras_kd.data.orientation import UPRIGHT

_START, _LARGEST = b"Exif\0\0", 65536  # of the first segment that holds metadata
_TAG, _ENTRY = 0x0112, 12  # bytes of an entry: tag, type, count, value


def orientation_of(encoded):
    """The orientation that a JPEG tells.

    Args:
        encoded: string scalar.

    Returns:
        int32 scalar in [1, 8]; 1 where it tells none, or nonsense.
    """
    head = tf.io.decode_raw(tf.strings.substr(encoded, 0, _LARGEST), tf.uint8)
    # Zeros behind the end: what is cut short says nothing.
    head = tf.concat([tf.cast(head, tf.int32), tf.zeros([2 * _ENTRY], tf.int32)], 0)
    windows = tf.size(head) - len(_START) + 1
    here = [head[i : windows + i] == byte for i, byte in enumerate(_START)]
    places = tf.where(tf.reduce_all(tf.stack(here), axis=0))[:, 0]
    return tf.cond(
        tf.size(places) > 0,
        lambda: _in_header(head[tf.cast(places[0], tf.int32) + len(_START) :]),
        lambda: tf.constant(UPRIGHT),
    )


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
