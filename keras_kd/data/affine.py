"""Images moved in their plane, by units of their sides, so that an image of any size, and a crop
that is no square yet, is moved alike."""

import math

import tensorflow as tf

FILL = 128  # what comes from outside of an image: grey, as in AutoAugment's code


def affine(image, matrix, fill=FILL):
    """An image looked at through an affine map, with bilinear interpolation, as Pillow does it.

    Args:
        image: uint8 `[H, W, C]`.
        matrix: two rows of three numbers: from a point (x, y, 1) of the result to the x and the y
            of the point of the image that is shown there. The top left corner is (0, 0), the bottom
            right one (1, 1).
        fill: what is shown of points outside.

    Returns:
        uint8 `[H, W, C]`.
    """
    height, width = (tf.cast(side, tf.float32) for side in tf.unstack(tf.shape(image)[:2]))
    (xx, xy, x0), (yx, yy, y0) = matrix
    xy, x0 = xy * width / height, x0 * width  # from here on in pixels
    yx, y0 = yx * height / width, y0 * height
    columns, rows = tf.range(width) + 0.5, tf.range(height)[:, None] + 0.5
    x, y = xx * columns + xy * rows + x0, yx * columns + yy * rows + y0
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    # TensorFlow counts from the centre of the first pixel.
    x0, y0 = x0 + 0.5 * (xx + xy - 1.0), y0 + 0.5 * (yx + yy - 1.0)
    values = [xx, xy, x0, yx, yy, y0, 0.0, 0.0]
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(image, tf.float32)[None],
        transforms=tf.stack([tf.cast(value, tf.float32) for value in values])[None],
        output_shape=tf.shape(image)[:2],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",  # half a pixel of the rim lies between the last centre and the end
    )[0]
    moved = tf.cast(tf.clip_by_value(moved, 0.0, 255.0), tf.uint8)
    return tf.ensure_shape(tf.where(inside[..., None], moved, tf.cast(fill, tf.uint8)), image.shape)


def rotate(image, degrees):
    """Turned about its centre, counter-clockwise."""
    angle = degrees * (-math.pi / 180.0)
    cos, sin = tf.cos(angle), tf.sin(angle)
    # The centre stays where it is.
    return affine(
        image,
        [[cos, sin, 0.5 - 0.5 * (cos + sin)], [-sin, cos, 0.5 - 0.5 * (cos - sin)]],
    )


def shear_x(image, factor):
    """Rows moved to the left, the further down the more; the last by `factor` of the width."""
    return affine(image, [[1.0, factor, 0.0], [0.0, 1.0, 0.0]])


def shear_y(image, factor):
    """Columns moved up, the further right the more; the last by `factor` of the height."""
    return affine(image, [[1.0, 0.0, 0.0], [factor, 1.0, 0.0]])


def translate_x(image, share):
    """Moved to the left by a share of the width."""
    return affine(image, [[1.0, 0.0, share], [0.0, 1.0, 0.0]])


def translate_y(image, share):
    """Moved up by a share of the height."""
    return affine(image, [[1.0, 0.0, 0.0], [0.0, 1.0, share]])
