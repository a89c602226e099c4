"""Makes a teacher of what a handle holds: checked, and taking images in [-1, 1]."""

from pathlib import Path

import keras
import numpy as np

from keras_kd.models.hub import hub, load_module, run_once
from keras_kd.models.pixels import Pixels
from keras_kd.models.saved import CANONICAL, OURS, expected_range
from keras_kd.teachers.checks import check_images, check_logits

REACH_TOLERANCE = 0.02  # of a range: the least and the largest pixel seen in calibration


def prepare(model, label, wanted):
    """Checks a Keras model and puts the conversion of values in front where it is needed.

    Args:
        model: Keras model.
        label: what the user calls it, for errors.
        wanted: `keras_kd.teachers.wanted.Wanted`.

    Returns:
        a `keras.Model` from images in [-1, 1] to logits.

    Raises:
        ValueError: its input, its output or its value range does not fit.
    """
    input_shape = wanted.input_shape
    if not getattr(model, "inputs", None) and input_shape is not None:
        # A subclassed model declares no shapes until it is called on symbolic images.
        inputs = keras.Input(input_shape, name="image")
        model = keras.Model(inputs, model(inputs), name=model.name)
    check_images(model, label, input_shape)
    check_logits(model, label)
    if not wanted.pixels:
        expected = expected_range(model)
        if expected not in (None, OURS):
            low, high = (f"{value:g}" for value in expected)
            raise ValueError(
                "images in this toolkit are in [-1, 1], and the teacher must take them as they "
                f"are. Received: handle={label}, whose first layer expects [{low}, {high}]. "
                f"Pass input_range=({low}, {high}) to have the values converted."
            )
    return converted(model, wanted.pixels)


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
    x = pixels.convert(inputs, "to_teacher_range")
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
        raise ValueError(
            "input_range must be given for a SavedModel folder without assets.extra/keras_kd.json. "
            f"Received: handle={handle!r}, input_range=None. Pass the values its images have: "
            "(-1, 1), (0, 1) or (0, 255)."
        )
    model = hub(handle, None, wanted.input_shape, input_range, head=False)
    return converted(model, pixels) if pixels.normalization else model


def open_host(module, handle, wanted, advice):
    """A file that another runtime runs as a Keras model from images in [-1, 1].

    Args:
        module: subclass of `keras_kd.models.host.HostModule`.
        handle: path of the file.
        wanted: `keras_kd.teachers.wanted.Wanted`.
        advice: what to say of the values that such a file mostly expects.

    Returns:
        a `keras.Model`.

    Raises:
        ValueError: the file cannot be run or does not fit, or its values or size are not known.
    """
    channels = wanted.input_shape[-1] if wanted.input_shape else 3
    layer = module(handle, channels, wanted.layout, num_classes=wanted.num_classes, name="logits")
    pixels = wanted.pixels or Pixels(usual_range(layer.reach))
    if not pixels:
        raise ValueError(
            "the values that the images of a file have must be told: it does not say them. "
            f"Received: handle={handle!r}, input_range=None, normalization=None. {advice}"
        )
    sides = wanted.input_shape or (None, None)
    shape = (*(own or given for own, given in zip(layer.image_shape, sides[:2])), channels)
    if None in shape:
        raise ValueError(
            "input_shape must be given for a file that leaves the size of its images open. "
            f"Received: handle={handle!r}, input_shape=None. Pass (height, width, channels)."
        )
    inputs = keras.Input(shape, name="image")
    outputs = layer(pixels.convert(inputs, "to_teacher_range"))
    model = keras.Model(inputs, outputs, name=Path(handle).stem)
    check_images(model, repr(handle), wanted.input_shape)
    return model


def usual_range(reach):
    """The usual range of pixels that a file's whole numbers stand for.

    Args:
        reach: (lowest, highest) value that they stand for; None of floats.

    Returns:
        (low, high), which `reach` is up to rounding; None where it is no usual one.
    """
    for low, high in CANONICAL if reach else ():
        if np.abs(np.subtract(reach, (low, high))).max() <= REACH_TOLERANCE * (high - low):
            return low, high
    return None


def probe(model, input_shape, label):
    """Runs two random images through a teacher: the shape is right, numbers are finite logits.

    Args:
        model: Keras model from images in [-1, 1] to logits.
        input_shape: (height, width, channels); None: its own, 224 px where it declares no size.
        label: what the user calls it, for errors.

    Raises:
        ValueError: says what it gave instead.
    """
    shape = input_shape or tuple(side or 224 for side in model.input_shape[1:])
    images = np.random.default_rng(0).uniform(-1, 1, (2, *shape)).astype("float32")
    outputs = run_once(lambda x: model(x, training=False), keras.ops.convert_to_tensor(images))
    outputs = keras.ops.convert_to_numpy(outputs).astype("float64")
    if outputs.shape != (2, model.output_shape[-1]):
        raise ValueError(
            "the teacher must give one row of logits per image. "
            f"Received: outputs of shape {outputs.shape} for 2 images from handle={label!r}."
        )
    if not np.isfinite(outputs).all():
        raise ValueError(
            "the teacher must give finite logits for images in [-1, 1]. "
            f"Received: {int((~np.isfinite(outputs)).sum())} values that are not finite from "
            f"handle={label!r}. Its weights may be damaged, or its input_range wrong."
        )
    if (outputs >= 0).all() and np.allclose(outputs.sum(1), 1, atol=1e-3):
        raise ValueError(
            "the teacher must give logits: distillation softens them before the softmax. "
            f"Received: probabilities that sum to 1 from handle={label!r}. "
            "Export it again without its last softmax."
        )
