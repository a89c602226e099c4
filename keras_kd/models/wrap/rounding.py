"""How LiteRT rounds in integers on a processor, in float numbers that are whole.

A float network with fake quantisers between its layers rounds nearly as a file of it does: a sum
that lies within a float's error of the border between two steps falls to either side. Of a million
numbers ten do, but each moves others, and fifty layers later a third of all tensors is a step off.
These functions follow XNNPACK, which LiteRT takes for int8 files, operation by operation; LiteRT's
reference kernels round otherwise, and differ from XNNPACK as much as a float network does.
"""

import contextlib
import contextvars

import tensorflow as tf

BITS = 20  # of the smaller multiplier of a sum, below its leading one
_MARKED = contextvars.ContextVar("marked", default=False)


@contextlib.contextmanager
def marks_for_a_converter():
    """In the block layers run in floats, with operations that tell a converter the steps."""
    token = _MARKED.set(True)
    try:
        yield
    finally:
        _MARKED.reset(token)


def is_exact():
    """Whether layers round as a file does."""
    return not _MARKED.get()


@tf.custom_gradient
def rounded(x):
    """The nearest whole numbers, of two the even one; gradients pass."""
    return tf.round(x), lambda dy: dy


def whole(x, step):
    """Numbers in whole steps: as who runs a file quantises its images."""
    return rounded(x / step)


def requantized(sums, unit, step):
    """Sums of products in whole steps of the output.

    Args:
        sums: whole numbers, in units.
        unit: float32, input step times kernel step, one or one a channel.
        step: float32 of the output.
    """
    return rounded(sums * (unit / step))


def added(terms, steps, step):
    """The sum of two tensors in whole steps of the output, rounded half up.

    Args:
        terms: two tensors of whole numbers, in their own steps.
        steps: these, two float32.
        step: float32 of the output.
    """
    ratios = [one / step for one in steps]
    bits = tf.bitcast(tf.maximum(*ratios), tf.int32)
    power = tf.cast(tf.bitcast(bits & 0x7F800000, tf.float32), tf.float64)  # the next below
    unit = power * 2.0**-BITS
    factors = [tf.round(tf.cast(one, tf.float64) / unit) for one in ratios]
    total = sum(tf.cast(one, tf.float64) * factor for one, factor in zip(terms, factors))
    return tf.cast(_half_up(total * unit), tf.float32)


@tf.custom_gradient
def _half_up(x):
    return tf.floor(x + 0.5), lambda dy: dy


def averaged(x, step_in, step, keepdims=False):
    """The mean over the pixels of `[B, H, W, C]`, whole numbers, in whole steps of the output."""
    pixels = tf.cast(tf.reduce_prod(tf.shape(x)[1:3]), tf.float32)
    return rounded(tf.reduce_sum(x, (1, 2), keepdims) * (step_in / step / pixels))
