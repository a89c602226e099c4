"""Linear filters of whole images as matrices, one for the rows and one for the columns."""

import functools

import numpy as np
import tensorflow as tf


def along_both(image, rows, columns):
    """An image filtered along both axes.

    Args:
        image: float32 `[H, W, C]`.
        rows: float32 `[H', H]`.
        columns: float32 `[W', W]`.

    Returns:
        float32 `[H', W', C]`.
    """
    return tf.einsum("ih,hwc,jw->ijc", rows, image, columns)


@functools.lru_cache
def gaussian(side, sigma):
    """The matrix `[side, side]` of a Gaussian filter, 4 deviations wide; edges are repeated."""
    radius = max(1, round(4 * sigma))
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    return _taps(side, offsets, weights / weights.sum())


@functools.lru_cache
def slope(side):
    """Sobel's filter along an axis: matrices `[side, side]` that smooth and that take the slope."""
    offsets = np.arange(-1, 2)
    return _taps(side, offsets, np.array([1, 2, 1]) / 4), _taps(
        side, offsets, np.array([-1, 0, 1]) / 2
    )


@functools.lru_cache
def fewer_pixels(side, fewer):
    """The matrix `[side, side]` to means over `fewer` equal parts, and linearly back again."""
    fewer = min(side, fewer)
    bounds = np.arange(fewer + 1) * side / fewer
    pixels = np.arange(side)
    shared = np.minimum(pixels + 1, bounds[1:, None]) - np.maximum(pixels, bounds[:-1, None])
    down = np.maximum(shared, 0) * fewer / side
    at = np.clip((pixels + 0.5) * fewer / side - 0.5, 0, fewer - 1)
    up = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(fewer)))
    return up @ down


def _taps(side, offsets, weights):
    matrix = np.zeros((side, side))
    for row in range(side):
        np.add.at(matrix[row], np.clip(row + offsets, 0, side - 1), weights)
    return matrix
