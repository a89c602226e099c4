"""Makes a teacher of what a handle holds: checked, and taking images in [-1, 1]."""

import keras
import numpy as np

from keras_kd.models.hub import hub, load_module, run_once
from keras_kd.models.saved import OURS, expected_range
from keras_kd.teachers.checks import check_images, check_logits


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
