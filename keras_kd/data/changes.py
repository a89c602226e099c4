"""Changes of an image by name, of which one is drawn: what the kinds of RandAugment choose from."""

import tensorflow as tf

from keras_kd.data import affine, colors
from keras_kd.data.random_streams import below, uniform

IDENTITY = "identity"
HARDEST = 10.0  # the magnitude of the strongest changes


def _plain(change):
    """A change that takes no strength."""
    return lambda image, strength: change(image)


# Function of an image, uint8 `[H, W, C]`, and a strength, a float32 scalar, to one like it.
CHANGES = {
    IDENTITY: lambda image, strength: image,
    "autocontrast": _plain(colors.autocontrast),
    "equalize": _plain(colors.equalize),
    "invert": _plain(colors.invert),
    "posterize": colors.posterize,
    "solarize": colors.solarize,
    "solarize_add": colors.solarize_add,
    "color": colors.color,
    "contrast": colors.contrast,
    "brightness": colors.brightness,
    "sharpness": colors.sharpness,
    "rotate": affine.rotate,
    "shear_x": affine.shear_x,
    "shear_y": affine.shear_y,
    "translate_x": affine.translate_x,
    "translate_y": affine.translate_y,
}


def draw(strengths, count, magnitude, deviation, probability, sizes, stream):
    """Which changes are made to each image of a batch, one after the other, and how strongly.

    Args:
        strengths: dict of name of a change -> function of magnitudes in [0, 10] and signs, -1 or 1,
            float32 of one shape, to strengths. All changes are as probable.
        count: changes of an image.
        magnitude: mean of the magnitudes, in [0, 10].
        deviation: their standard deviation.
        probability: of each of the changes to be made at all.
        sizes: int32 `[B, 2]`.
        stream: a `keras_kd.data.random_streams.Stream`.

    Returns:
        dict: `which`, int32 `[B, count]`, positions in `CHANGES`, and `strength`, float32
        `[B, count]`.
    """
    shape = [tf.shape(sizes)[0], count]
    choice = below(tf.fill(shape, len(strengths)), uniform(shape, stream.key("which")))
    sign = tf.where(uniform(shape, stream.key("sign")) < 0.5, -1.0, 1.0)
    level = tf.fill(shape, magnitude)
    if deviation:
        level += deviation * tf.math.ndtri(uniform(shape, stream.key("magnitude")))
    level = tf.clip_by_value(level, 0.0, HARDEST)
    each = tf.stack([strength(level, sign) for strength in strengths.values()], axis=-1)
    names = list(CHANGES)
    which = tf.gather([names.index(name) for name in strengths], choice)
    made = uniform(shape, stream.key("made")) < probability
    return {
        "which": tf.where(made, which, names.index(IDENTITY)),
        "strength": tf.gather(each, choice, batch_dims=2),
    }


def apply(image, drawn):
    """The image after all the changes that were drawn for it, uint8 `[H, W, C]`."""
    columns = [tf.unstack(drawn[name]) for name in ("which", "strength")]
    for which, strength in zip(*columns):
        image = one_of(tuple(CHANGES.values()), image, which, strength)
    return image


def one_of(functions, image, which, strength):
    """The image after one of several changes.

    Args:
        functions: tuple of functions as in `CHANGES`.
        image: uint8 `[H, W, C]`.
        which: int32 scalar, position of one.
        strength: float32 scalar.

    Returns:
        uint8 `[H, W, C]`.
    """
    changed = _one_of(functions, image, image.shape[-1], which, strength)
    return tf.ensure_shape(changed, image.shape)


# Traced once for all changes of all images, and never written out where it is called: as many
# branches in the graph of each image would take TensorFlow minutes to look through.
@tf.function(autograph=False, reduce_retracing=True, experimental_attributes={"_noinline": True})
def _one_of(functions, image, channels, which, strength):
    image = tf.ensure_shape(image, [None, None, channels])  # traced for images of any size
    branches = [lambda function=function: function(image, strength) for function in functions]
    return tf.switch_case(which, branches)
