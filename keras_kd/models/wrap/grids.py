"""Grids of a few bits, and how gradients go through them.

A weight of b bits is one of -(2^(b-1) - 1) ... 2^(b-1) - 1 steps, the narrow range that int8 and
int4 files hold as it is; an activation of 8 bits is one of 256 steps with zero among them.
"""

import tensorflow as tf

BITS = (8, 4, 3, 2)  # of weights
ACTIVATIONS = 255  # steps between the ends of an activation's range


def largest(bits):
    """The largest whole number of a weight: 127, 7, 3 or 1."""
    return 2 ** (bits - 1) - 1


def on_grid(x, step, low, high):
    """The nearest number of the grid, a whole number of steps between low and high."""
    return tf.round(tf.clip_by_value(x / step, low, high)) * step


def learned(x, step, low, high, scale):
    """As `on_grid`, with the gradients of learned step size quantisation (LSQ).

    That of the step is round(x / s) - x / s within the range, low or high at and beyond its ends,
    times `scale`; that of x passes within the range and is zero beyond.

    Args:
        x: float tensor `[..., C]`.
        step: float tensor, of shape `[C]` or `[]`; positive.
        low, high: whole numbers, ends of the range in steps.
        scale: of the step's gradient, 1 / sqrt(numbers that share the step * high) in the paper.

    Returns:
        float tensor of the form of x.

    Reference: Esser et al. 2019, "Learned Step Size Quantization", arXiv 1902.08153.
    """

    @tf.custom_gradient
    def quantise(x, step):
        ratio = x / step
        whole = tf.round(tf.clip_by_value(ratio, low, high))

        def gradient(dy):
            inside = tf.cast((ratio > low) & (ratio < high), x.dtype)
            by_step = dy * (whole - inside * ratio)
            axes = tf.range(tf.rank(x) - tf.rank(step))
            return dy * inside, tf.reduce_sum(by_step, axes) * scale

        return whole * step, gradient

    return quantise(x, step)


def passing(x, step, low, high):
    """As `on_grid`; gradients of x pass within the range, and the step has none."""

    @tf.custom_gradient
    def quantise(x):
        inside = tf.abs(x / step - (low + high) / 2) <= (high - low) / 2
        return on_grid(x, step, low, high), lambda dy: dy * tf.cast(inside, dy.dtype)

    return quantise(x)
