"""What pixel values a network expects: a range, or a mean and a deviation a channel."""

import ast
from typing import NamedTuple

import keras
import numpy as np

from keras_kd.models.hub import check_range
from keras_kd.models.value_range import OURS, convert

# Of ImageNet's pixels in [0, 1], as torchvision and timm use them: red, green, blue.
KNOWN = {"imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}


class Pixels(NamedTuple):
    """What is said of the values that a network expects: one of two, or nothing.

    Attributes:
        input_range: (low, high), or None.
        normalization: (means, deviations) of the channels of pixels in [0, 1], or None.
    """

    input_range: tuple | None = None
    normalization: tuple | None = None

    def __bool__(self):
        """Whether anything is said."""
        return self.input_range is not None or self.normalization is not None

    @property
    def are_ours(self):
        """Whether images in [-1, 1] are taken as they are."""
        return self.normalization is None and self.input_range in (None, OURS)

    def convert(self, images, name):
        """Symbolic images in [-1, 1] as the network expects them, by a layer `name` if need be."""
        if self.normalization is not None:
            return normalize(images, self.normalization, name)
        return images if self.are_ours else convert(images, self.input_range, name)


def pixels_of(input_range=None, normalization=None):
    """The `Pixels` that a user tells.

    Args:
        input_range: (low, high), or None.
        normalization: see `check_normalization`; None or empty: not told.

    Raises:
        ValueError: both are told, or one is not what it must be.
    """
    if normalization is None or normalization == "":
        return Pixels(None if input_range is None else check_range(input_range))
    if input_range is not None:
        raise ValueError(
            "a network expects either a range of values or a normalization of its channels. "
            f"Received: input_range={input_range!r} and normalization={normalization!r}. Leave "
            "one of them out."
        )
    return Pixels(None, check_normalization(normalization))


def check_normalization(value):
    """(means, deviations) of what a user may write for them.

    Args:
        value: a key of `KNOWN`; ((means), (deviations)), a number a channel each, in units of
            pixels in [0, 1]; or that pair as text.

    Returns:
        two tuples of floats, of equal length.

    Raises:
        ValueError: says what it may be.
    """
    if isinstance(value, str) and value in KNOWN:
        return KNOWN[value]
    try:
        pair = ast.literal_eval(value) if isinstance(value, str) else value
        means, deviations = (tuple(float(number) for number in part) for part in pair)
    except (TypeError, ValueError, SyntaxError):
        means, deviations = (), ()
    right = 0 < len(means) == len(deviations) and np.isfinite([means, deviations]).all()
    if not (right and min(deviations) > 0):
        raise ValueError(
            f"normalization must be one of {', '.join(KNOWN)}, or the means and the deviations of "
            f"the channels, above 0, for pixels in [0, 1]. Received: normalization={value!r}. "
            "Write for example '(0.5, 0.5, 0.5), (0.5, 0.5, 0.5)'."
        )
    return means, deviations


def normalize(images, normalization, name):
    """Symbolic images in [-1, 1], each channel less its mean and divided by its deviation.

    Args:
        images: `[B, H, W, C]`.
        normalization: what `check_normalization` gave.
        name: of the layer.

    Returns:
        `[B, H, W, C]`.

    Raises:
        ValueError: not a number for each channel.
    """
    means, deviations = (np.array(one) for one in normalization)
    if len(means) != images.shape[-1]:
        raise ValueError(
            f"normalization must have a mean and a deviation for each of the {images.shape[-1]} "
            f"channels. Received: normalization={normalization!r}. Give as many as there are."
        )
    # (x + 1) / 2 is in [0, 1].
    scale, offset = 0.5 / deviations, (0.5 - means) / deviations
    return keras.layers.Rescaling(scale.tolist(), offset.tolist(), dtype="float32", name=name)(
        images
    )
