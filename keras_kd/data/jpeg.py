"""JPEG files as every other decoder reads them."""

import tensorflow as tf

# TensorFlow's own choice is no faster on today's processors, and a level or so off
# everywhere: enough to turn one answer in ten of a student that is not sure.
DCT = "INTEGER_ACCURATE"


def crop_jpeg(encoded, box, channels):
    """Decodes only what lies in a box.

    Args:
        encoded: string scalar, a JPEG file.
        box: int32 `[4]`: top, left, height, width in pixels.
        channels: of the result, 1 or 3.

    Returns:
        uint8 `[height, width, channels]`: inside the box what libjpeg gives by default, as Pillow,
        browsers and phones do.
    """
    return tf.io.decode_and_crop_jpeg(encoded, box, channels=channels, dct_method=DCT)
