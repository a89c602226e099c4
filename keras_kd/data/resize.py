"""How a crop becomes what a network takes: a square of floats in [-1, 1]."""

import tensorflow as tf


def resizer(resolution):
    """Bilinear interpolation to a square, without anti-aliasing, as in the paper's training.

    Args:
        resolution: side in pixels.

    Returns:
        function of a uint8 `[H, W, C]` to float32 `[resolution, resolution, C]` in [-1, 1], for the
        graph that this was called in.
    """
    # What tf.image.resize does, and the constants once for all images: half the time to trace.
    size, half, one = tf.constant([resolution] * 2), tf.constant(127.5), tf.constant(1.0)

    def resize(image):
        resized = tf.raw_ops.ResizeBilinear(
            images=tf.expand_dims(image, 0), size=size, half_pixel_centers=True
        )
        return tf.squeeze(resized, 0) / half - one

    return resize
