"""Changes of an image's colours, on bytes, that give what Pillow gives.

All take and give uint8 `[H, W, C]`, of one or three channels; grey images have no colour to change.
"""

import tensorflow as tf

LEVELS = 256
# Of red, green and blue in Pillow's luma, in parts of 2^16.
_LUMA, _LUMA_BITS = (19595, 38470, 7471), 16
_SMOOTH, _SMOOTH_SUM = 4, 13  # Pillow's SMOOTH: ones, and that much more in the middle


def blend(plain, image, factor):
    """`plain` for a factor of 0, the image for 1, less than plain below and more than it above."""
    plain, image = tf.cast(plain, tf.float32), tf.cast(image, tf.float32)
    mixed = tf.clip_by_value(plain + factor * (image - plain), 0.0, 255.0)
    return tf.cast(mixed, tf.uint8)  # what is behind the point is cut off, as Pillow does


def luma(image):
    """int32 `[H, W, 1]`, rounded."""
    if image.shape[-1] == 1:
        return tf.cast(image, tf.int32)
    weighted = tf.reduce_sum(tf.cast(image, tf.int32) * tf.constant(_LUMA), -1, keepdims=True)
    return tf.bitwise.right_shift(weighted + 2 ** (_LUMA_BITS - 1), _LUMA_BITS)


def grayscale(image):
    """The luma in all channels."""
    one = tf.cast(luma(image), tf.uint8)
    return tf.repeat(one, image.shape[-1], axis=-1)


def brightness(image, factor):
    """Black for a factor of 0, the image for 1."""
    return blend(tf.zeros_like(image), image, factor)


def contrast(image, factor):
    """The mean of the luma for a factor of 0, the image for 1."""
    one = luma(image)
    count = tf.maximum(tf.size(one, tf.int64), 1)
    total = tf.reduce_sum(tf.cast(one, tf.int64))
    return blend((2 * total + count) // (2 * count), image, factor)


def color(image, factor):
    """The luma for a factor of 0, the image for 1."""
    return image if image.shape[-1] == 1 else blend(luma(image), image, factor)


def sharpness(image, factor):
    """An image smoothed over 3 x 3 pixels for a factor of 0, the image for 1; the rim stays."""
    return blend(_smooth(image), image, factor)


def _smooth(image):
    whole = tf.cast(image, tf.int32)
    wide = tf.pad(whole, [[1, 1], [1, 1], [0, 0]])
    down = wide[:-2] + wide[1:-1] + wide[2:]
    around = down[:, :-2] + down[:, 1:-1] + down[:, 2:] + _SMOOTH * whole
    smooth = (2 * around + _SMOOTH_SUM) // (2 * _SMOOTH_SUM)
    inner = [_inner(tf.shape(image)[axis]) for axis in (0, 1)]
    return tf.where((inner[0][:, None] & inner[1][None])[..., None], smooth, whole)


def _inner(side):
    place = tf.range(side)
    return (place > 0) & (place < side - 1)


def hue(image, shift):
    """Hues turned by a share of the circle, in [-0.5, 0.5]."""
    if image.shape[-1] == 1:
        return image
    # Reckoned on floats: of bytes TensorFlow would cut off what is behind the point.
    turned = tf.image.adjust_hue(tf.cast(image, tf.float32) * (1 / 255), shift)
    return tf.cast(tf.clip_by_value(tf.round(turned * 255.0), 0.0, 255.0), tf.uint8)


def invert(image):
    """The negative."""
    return 255 - image


def posterize(image, bits):
    """The highest `bits` of each value, a whole number from 0 to 8, and zeros for the others."""
    step = tf.bitwise.left_shift(1, 8 - tf.cast(bits, tf.int32))
    levels = tf.range(LEVELS)
    return _looked_up(image, levels - levels % step)


def solarize(image, threshold):
    """The negative of what is not below the threshold."""
    levels = tf.range(LEVELS)
    return _looked_up(
        image, tf.where(tf.cast(levels, tf.float32) < threshold, levels, 255 - levels)
    )


def solarize_add(image, more):
    """`more`, a whole number, added to what is below 128."""
    levels = tf.range(LEVELS)
    return _looked_up(image, tf.where(levels < 128, levels + tf.cast(more, tf.int32), levels))


def autocontrast(image):
    """Each channel stretched from its least and its greatest value to 0 and 255."""
    low, high = (tf.cast(f(image, [0, 1]), tf.float64) for f in (tf.reduce_min, tf.reduce_max))
    flat = high <= low  # a channel of one value stays
    scale = 255.0 / tf.where(flat, tf.ones_like(low), high - low)
    levels = tf.range(LEVELS, dtype=tf.float64)[:, None]
    stretched = tf.where(flat, levels, levels * scale - low * scale)
    return _looked_up(image, tf.cast(stretched, tf.int32))


def equalize(image):
    """Each channel's values spread so that all are about as frequent."""
    channels = image.shape[-1]
    counts = tf.math.bincount(
        tf.reshape(_by_channel(image), [-1]),
        minlength=LEVELS * channels,
        maxlength=LEVELS * channels,
    )
    counts = tf.reshape(counts, [channels, LEVELS])
    last = LEVELS - 1 - tf.argmax(tf.reverse(counts > 0, [1]), axis=1, output_type=tf.int32)
    most = tf.gather(counts, last, batch_dims=1)  # of the greatest value there is
    step = ((tf.reduce_sum(counts, 1) - most) // (LEVELS - 1))[:, None]
    below = tf.cumsum(counts, axis=1, exclusive=True)
    spread = (step // 2 + below) // tf.maximum(step, 1)
    table = tf.where(step > 0, spread, tf.range(LEVELS)[None])
    return _looked_up(image, tf.transpose(table))


def _by_channel(image):
    """int32 values, those of channel c with 256 c added."""
    return tf.cast(image, tf.int32) + LEVELS * tf.range(image.shape[-1])


def _looked_up(image, table):
    """The image with each value replaced: int32 `[256]`, or `[256, C]` of each channel its own."""
    table = tf.cast(tf.clip_by_value(table, 0, 255), tf.uint8)
    if table.shape.rank == 1:
        return tf.gather(table, tf.cast(image, tf.int32))
    return tf.gather(tf.reshape(tf.transpose(table), [-1]), _by_channel(image))
