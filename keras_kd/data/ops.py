"""Crop boxes for a whole batch at once, and what is done to one image.

A box is int32 `[4]`: top, left, height, width in pixels of the stored image. Box functions take the
sizes of a batch, int32 `[B, 2]`, and give boxes, int32 `[B, 4]`; those that draw take a stateless
seed as well.
"""

import math

import tensorflow as tf

from keras_kd.data.random_streams import below, uniform

MAX_TRIES = 10


def full_boxes(sizes):
    """The whole image."""
    return tf.concat([tf.zeros_like(sizes), sizes], axis=1)


def _parts(sizes, scale, square=True):
    """`1 / scale` of the short side, squares, or else of both sides; int32 `[B, 2]`."""
    if square:
        sizes = tf.repeat(tf.reduce_min(sizes, axis=1, keepdims=True), 2, axis=1)
    parts = tf.cast(tf.round(tf.cast(sizes, tf.float32) / scale), tf.int32)
    return tf.clip_by_value(parts, 1, sizes)


def check_scale(name, scale):
    """Refuses what is no resized short side over the side of a crop.

    Raises:
        ValueError: names what was received.
    """
    if not 1 <= scale < math.inf:
        raise ValueError(f"{name} must be finite and at least 1. Received: {name}={scale!r}")


def central_boxes(sizes, scale=8 / 7):
    """The central square of `1 / scale` of the short side.

    Resized to L, it shows what "short side to scale * L, then the central L x L" shows, with one
    interpolation in place of two.

    Args:
        sizes: int32 `[B, 2]`.
        scale: resized short side over L, at least 1.
    """
    side = _parts(sizes, scale)
    return tf.concat([(sizes - side) // 2, side], axis=1)


def random_crop_boxes(sizes, seed, scale=8 / 7, square=True):
    """A mild random crop: a square of `1 / scale` of the short side, anywhere in the image.

    Resized to L, it shows what "short side to scale * L, then a random L x L" shows; not square,
    with `1 / scale` of both sides, what "both sides to scale * L, then a random L x L" shows.

    Args:
        sizes: int32 `[B, 2]`.
        seed: int64 `[2]`, or `[B, 2]`, one for each image.
        scale: resized short side, or both sides, over L, at least 1.
        square: whether images keep their aspect ratio.
    """
    sides = _parts(sizes, scale, square)
    draw = uniform(tf.shape(sizes), seed)
    return tf.concat([below(sizes - sides + 1, draw), sides], axis=1)


def inception_crop_boxes(sizes, seed, area=(0.05, 1.0), aspect=(3 / 4, 4 / 3)):
    """Inception crops: random area and aspect ratio, anywhere in the image.

    Up to ten pairs of an area (uniform) and an aspect ratio (log-uniform) are drawn for each image
    and the first that fits is taken; where none fits, the largest central box whose aspect ratio
    lies within the bounds.

    Args:
        sizes: int32 `[B, 2]`.
        seed: int64 `[2]`, or `[B, 2]`, one for each image.
        area: lowest and highest fraction of the image's area, in (0, 1].
        aspect: lowest and highest width over height.

    Reference: C. Szegedy et al., "Going Deeper with Convolutions", 2014, arXiv:1409.4842.
    """
    height, width = tf.unstack(tf.cast(sizes, tf.float32)[:, :, None], axis=1)  # [B, 1] each
    draws = uniform([tf.shape(sizes)[0], 2 * MAX_TRIES + 2], seed)
    areas = (area[0] + (area[1] - area[0]) * draws[:, :MAX_TRIES]) * height * width
    low, high = math.log(aspect[0]), math.log(aspect[1])
    root = tf.exp(0.5 * (low + (high - low) * draws[:, MAX_TRIES : 2 * MAX_TRIES]))
    tries = tf.stack([tf.round(tf.sqrt(areas) / root), tf.round(tf.sqrt(areas) * root)], axis=2)
    fits = tf.reduce_all(
        (tries >= 1) & (tries <= tf.cast(sizes, tf.float32)[:, None, :]), axis=2
    )  # [B, tries]
    first = tf.argmax(fits, axis=1, output_type=tf.int32)
    drawn = tf.cast(tf.gather(tries, first, batch_dims=1), tf.int32)
    found = tf.reduce_any(fits, axis=1, keepdims=True)
    central = _largest_central(sizes, aspect)
    offsets = below(sizes - drawn + 1, draws[:, 2 * MAX_TRIES :])
    return tf.where(found, tf.concat([offsets, drawn], axis=1), central)


def _largest_central(sizes, aspect):
    """The largest central boxes with an aspect ratio between two bounds."""
    height, width = tf.unstack(tf.cast(sizes, tf.float32), axis=1)
    inside = tf.stack(
        [tf.minimum(height, width / aspect[0]), tf.minimum(width, height * aspect[1])], axis=1
    )
    inside = tf.clip_by_value(tf.cast(tf.round(inside), tf.int32), 1, sizes)
    return tf.concat([(sizes - inside) // 2, inside], axis=1)


def flip(image, flipped):
    """Mirrors an image left to right where `flipped` is true.

    Args:
        image: uint8 `[H, W, C]`; flipping bytes costs a tenth of flipping floats.
        flipped: bool scalar tensor.
    """
    return tf.cond(flipped, lambda: tf.reverse(image, [1]), lambda: image)


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
