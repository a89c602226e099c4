"""Makes a teacher of what a handle holds: checked, and taking images in [-1, 1]."""

import logging
from pathlib import Path

import keras
import numpy as np

from keras_kd.models.hub import HubModule, load_module
from keras_kd.models.layers import check_size
from keras_kd.models.pixels import Pixels
from keras_kd.models.tensors import UnknownLayout
from keras_kd.models.value_range import CANONICAL, OURS, UnknownRange, expected_range
from keras_kd.teachers.answers import asked_for_output, one_output
from keras_kd.teachers.checks import check_images
from keras_kd.teachers.wanted import Asked

CONVERSION = "to_teacher_range"  # name of the layer that makes a teacher's values of ours
RANGE_TOLERANCE = 0.02  # of a range: the least and the largest pixel seen in calibration
_logger = logging.getLogger(__name__)


def prepare(model, label, wanted):
    """Checks a Keras model and puts the conversion of values in front where it is needed.

    Args:
        model: Keras model.
        label: what the user calls it, for errors.
        wanted: `keras_kd.teachers.wanted.Wanted`.

    Returns:
        a `keras.Model` from images in [-1, 1] to one output `[B, K]`.

    Raises:
        ValueError: its input, its output or its value range does not fit.
    """
    input_shape = wanted.input_shape
    if not getattr(model, "inputs", None) and input_shape is not None:
        # A subclassed model declares no shapes until it is called on symbolic images.
        inputs = keras.Input(input_shape, name="image")
        model = keras.Model(inputs, model(inputs), name=model.name)
    check_images(model, label, input_shape)
    model = one_output(model, label, wanted)
    return converted(model, wanted.pixels or shown_pixels(lambda: expected_range(model), label))


def shown_pixels(find, label):
    """The `Pixels` that a model shows to expect; it is told where they are not ours.

    Args:
        find: function that gives their range or None, see `keras_kd.models.value_range`.
        label: what the user calls it, for the error.

    Raises:
        Asked: that cannot be told.
    """
    try:
        found = find()
    except UnknownRange as error:
        raise Asked(
            f"the values that a teacher's images must have cannot be told: {error}. Received: "
            f"{label}, input_range=None. Pass input_range=(0, 255), (0, 1) or (-1, 1), as in its "
            "training.",
            "input_range",
            "(0, 255)",
        ) from error
    if found not in (None, OURS):
        low, high = found
        _logger.info(f"{label} shows that it takes pixels from {low:g} to {high:g}: so they come.")
    return Pixels(found)


def converted(model, pixels):
    """A model with the layer in front that makes its pixel values of images in [-1, 1].

    Args:
        model: Keras model of one image input.
        pixels: `keras_kd.models.pixels.Pixels` that it expects.

    Returns:
        a `keras.Model`; `model` itself where nothing is to be converted.
    """
    if pixels.are_ours:
        return model
    inputs = keras.Input(model.input_shape[1:], name="image")
    x = pixels.convert(inputs, CONVERSION)
    own = model.inputs[0].dtype
    if own.startswith(("int", "uint")):
        x = keras.ops.cast(keras.ops.round(x), own)  # a cast alone would take the next lower one
    return keras.Model(inputs, model(x), name=f"{model.name}_converted")


def open_module(handle, wanted, known_range):
    """A TF-Hub module or SavedModel folder as a Keras model from images in [-1, 1].

    Args:
        handle: as `keras_kd.models.hub.load_module` takes it.
        wanted: `keras_kd.teachers.wanted.Wanted`.
        known_range: (low, high) that it expects unless `wanted` says another; None: not known.

    Returns:
        a `keras.Model`.

    Raises:
        ValueError: no module, or neither size nor value range are known.
        ConnectionError: it cannot be fetched.
    """
    # Behind a normalization the module sees the values as they are.
    pixels = wanted.pixels
    input_range = OURS if pixels.normalization else pixels.input_range or known_range
    if wanted.input_shape is None:
        raise ValueError(
            "input_shape must be given for a hub module or SavedModel, which declares none. "
            f"Received: handle={handle!r}, input_shape=None. Pass (height, width, channels)."
        )
    if "://" not in handle:
        load_module(handle)  # a wrong folder is refused before the question of the range
    if input_range is None:
        raise Asked(
            "input_range must be given for a SavedModel folder without assets.extra/keras_kd.json. "
            f"Received: handle={handle!r}, input_range=None. Pass the values its images have: "
            "(-1, 1), (0, 1) or (0, 255).",
            "input_range",
            "(0, 255)",
        )
    inputs = keras.Input(check_size(1, wanted.input_shape), name="image")
    module = HubModule(
        handle,
        input_range,
        output=wanted.answer.output,
        num_classes=wanted.num_outputs,
        name="logits",
    )
    with asked_for_output(repr(handle)):
        model = keras.Model(inputs, module(inputs), name="hub")
    return converted(model, pixels) if pixels.normalization else model


def open_host(module, handle, wanted, advice, example):
    """A file that another runtime runs as a Keras model from images in [-1, 1].

    Args:
        module: subclass of `keras_kd.models.host.HostModule`.
        handle: path of the file.
        wanted: `keras_kd.teachers.wanted.Wanted`.
        advice: what to say of the values that such a file mostly expects.
        example: (argument, value) of `keras_kd.teachers.load` that mostly tells them.

    Returns:
        a `keras.Model`.

    Raises:
        ValueError: the file cannot be run or does not fit, or its values or size are not known.
    """
    channels = wanted.input_shape[-1] if wanted.input_shape else 3
    try:
        with asked_for_output(repr(handle)):
            layer = module(
                handle,
                channels,
                wanted.layout,
                wanted.answer.output,
                num_classes=wanted.num_outputs,
                name="logits",
            )
    except UnknownLayout as error:
        raise Asked(str(error), "layout", "nchw") from error
    pixels = wanted.pixels or Pixels(usual_range(layer.value_range))
    if not pixels:
        raise Asked(
            "the values that the images of a file have must be told: it does not say them. "
            f"Received: handle={handle!r}, input_range=None, normalization=None. {advice}",
            *example,
        )
    sides = wanted.input_shape or (None, None)
    shape = (*(own or given for own, given in zip(layer.image_shape, sides[:2])), channels)
    if None in shape:
        raise ValueError(
            "input_shape must be given for a file that leaves the size of its images open. "
            f"Received: handle={handle!r}, input_shape=None. Pass (height, width, channels)."
        )
    inputs = keras.Input(shape, name="image")
    outputs = layer(pixels.convert(inputs, CONVERSION))
    model = keras.Model(inputs, outputs, name=Path(handle).stem)
    check_images(model, repr(handle), wanted.input_shape)
    return model


def host_side(module, handle):
    """Side in pixels of the images that a file of another runtime takes; 0 where that is open."""
    try:
        height = module(handle).image_shape[0]
    except ValueError:  # opened as a teacher, it is refused with its reason, or asked about
        return 0
    return height or 0


def usual_range(value_range):
    """The usual range of pixels that a file's whole numbers stand for.

    Args:
        value_range: (lowest, highest) value that they stand for; None of floats.

    Returns:
        (low, high), which `value_range` is up to rounding; None where it is no usual one.
    """
    for low, high in CANONICAL if value_range else ():
        if np.abs(np.subtract(value_range, (low, high))).max() <= RANGE_TOLERANCE * (high - low):
            return low, high
    return None
