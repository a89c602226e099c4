"""Whole numbers that stand for real ones: q stands for scale * (q - zero_point)."""

import numpy as np


def to_integers(values, dtype, scale, zero_point):
    """The nearest whole numbers that a type can hold.

    Args:
        values: float array.
        dtype: an integer type of NumPy.
        scale: above 0.
        zero_point: int.

    Returns:
        an array of `dtype`; what lies outside of what it holds is clipped.
    """
    limits = np.iinfo(dtype)
    scaled = np.round(np.asarray(values) / scale) + zero_point
    return np.clip(scaled, limits.min, limits.max).astype(dtype)


def to_floats(values, scale, zero_point):
    """Float32 values of whole numbers; arguments as of `to_integers`."""
    return ((np.asarray(values).astype(np.float32) - zero_point) * scale).astype(np.float32)
