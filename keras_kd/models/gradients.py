"""Group norm and weight standardisation with their gradients in closed form, for training.

Automatic differentiation keeps every intermediate of the plain formulas and goes over the memory
about three times as often. Only what one pass needs is kept here: the inputs, and two numbers per
group or filter. TensorFlow only, and no gradient of the gradient.
"""

import tensorflow as tf

STANDARDIZE_EPSILON = 1e-10  # BiT's


def group_norm(x, gamma, beta, groups, epsilon):
    """Group normalisation over space and groups of channels.

    Args:
        x: float `[B, H, W, C]`.
        gamma: float32 `[C]`, the scale.
        beta: float32 `[C]`, the offset.
        groups: number of groups; divides C.
        epsilon: added to the variance, above 0.

    Returns:
        float `[B, H, W, C]` of the dtype of `x`; statistics are float32 in any case.

    Reference: Wu and He 2018, arXiv 1803.08494.
    """
    channels = x.shape[-1]
    size = channels // groups

    def per_group(sums):  # [B, C] -> mean over each group's pixels and channels, [B, G]
        return tf.reduce_mean(tf.reshape(sums, (-1, groups, size)), axis=2)

    def per_channel(values):  # [B, G] -> [B, 1, C]
        return tf.repeat(values, size, axis=1)[:, tf.newaxis]

    @tf.custom_gradient
    def normalize(x, gamma, beta):
        shape = tf.shape(x)
        flat = (shape[0], shape[1] * shape[2], channels)
        dense = tf.reshape(tf.cast(x, "float32"), flat)
        mean = per_channel(per_group(tf.reduce_mean(dense, axis=1)))
        squares = tf.math.squared_difference(dense, mean)
        variance = per_group(tf.reduce_mean(squares, axis=1))
        rstd = per_channel(tf.math.rsqrt(variance + epsilon))
        scale = rstd * gamma
        y = dense * scale + (beta - mean * scale)

        def gradient(dy):
            dense_dy = tf.reshape(tf.cast(dy, "float32"), flat)
            pixels = tf.cast(flat[1], "float32")
            # Means over the pixels of dy and of dy times the normalised input, [B, C].
            down = tf.reduce_mean(dense_dy, axis=1)
            along = (tf.reduce_mean(dense_dy * dense, axis=1) - mean[:, 0] * down) * rstd[:, 0]
            d_gamma = tf.reduce_sum(along, axis=0) * pixels
            d_beta = tf.reduce_sum(down, axis=0) * pixels
            # dx = rstd (gamma dy - mean(gamma dy) - normalised mean(gamma dy normalised))
            slope = rstd * rstd * per_channel(per_group(gamma * along))
            offset = slope * mean - rstd * per_channel(per_group(gamma * down))
            dx = dense_dy * scale + (offset - dense * slope)
            return tf.cast(tf.reshape(dx, shape), x.dtype), d_gamma, d_beta

        return tf.cast(tf.reshape(y, shape), x.dtype), gradient

    return normalize(x, gamma, beta)


@tf.custom_gradient
def standardize(kernel):
    """A kernel with zero mean and unit variance per output filter.

    Args:
        kernel: float32 `[h, w, in, out]`, of a known shape.

    Returns:
        float32 `[h, w, in, out]`.

    Reference: Qiao et al. 2019, arXiv 1903.10520.
    """
    flat = tf.reshape(kernel, (-1, kernel.shape[-1]))
    centred = flat - tf.reduce_mean(flat, axis=0)
    rstd = tf.math.rsqrt(tf.reduce_mean(centred * centred, axis=0) + STANDARDIZE_EPSILON)
    result = centred * rstd

    def gradient(dy):
        dense = tf.reshape(dy, flat.shape)
        offset = tf.reduce_mean(dense, axis=0) * rstd
        slope = tf.reduce_mean(dense * result, axis=0) * rstd
        return tf.reshape(dense * rstd - (result * slope + offset), kernel.shape)

    return tf.reshape(result, kernel.shape), gradient
