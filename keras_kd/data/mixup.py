"""Mixup as in function matching: one coefficient a batch, partners by rolling it by one."""

import math

import tensorflow as tf

from keras_kd.data.random_streams import stream_seed, uniform


def mixup_coefficient(seed, step, alpha=1.0):
    """The weight of each image against its partner, the same for the whole global batch.

    Drawn from Beta(alpha, alpha), which for 1 is uniform, and folded to max(a, 1 - a), so that an
    image is never lighter than its partner.

    Args:
        seed: int, the seed of the run.
        step: int64 scalar.
        alpha: positive.

    Returns:
        float32 scalar in [0.5, 1].

    Reference: H. Zhang et al., "mixup", 2017, arXiv:1710.09412; L. Beyer et al., 2021,
        arXiv:2106.05237.
    """
    if not (isinstance(alpha, (int, float)) and 0 < alpha < math.inf):
        raise ValueError(f"mixup_alpha must be a positive number. Received: mixup_alpha={alpha!r}")
    key = stream_seed(seed, "mixup", step)
    drawn = uniform([], key) if alpha == 1 else _beta(seed, step, alpha)
    return tf.maximum(drawn, 1.0 - drawn)


def _beta(seed, step, alpha):
    """One draw from Beta(alpha, alpha), by two gamma variates in the logarithm."""
    # gamma(alpha) = gamma(alpha + 1) * U^(1 / alpha): for a small alpha both variates underflow to
    # zero, their logarithms do not.
    gammas = tf.random.stateless_gamma(
        [2],
        stream_seed(seed, "mixup gamma", step),
        tf.constant(alpha + 1.0, tf.float64),
        dtype=tf.float64,
    )
    powers = tf.random.stateless_uniform(
        [2], stream_seed(seed, "mixup power", step), dtype=tf.float64, alg="philox"
    )
    # 1 - U lies in (0, 1]: no logarithm of zero.
    logs = tf.math.log(gammas) + tf.math.log1p(-powers) / alpha
    return tf.cast(tf.sigmoid(logs[0] - logs[1]), tf.float32)


def mix(values, partners, coefficient):
    """`coefficient * values + (1 - coefficient) * partners`, for images or one-hot labels.

    Args:
        values, partners: float32 `[B, ...]`, or one image or label each.
        coefficient: float32 scalar in [0.5, 1].
    """
    return coefficient * values + (1.0 - coefficient) * partners


def roll(values):
    """The partner of each row: the row before it, and the last one for the first.

    Reversing the batch, as some public code does, mixes each pair twice.

    Args:
        values: tensor `[B, ...]`.
    """
    return tf.roll(values, 1, axis=0)
