"""Saved Keras models: opened with one readable error, and the pixel values that they expect."""

import itertools
import json
import zipfile

import keras
import numpy as np

from keras_kd.models.hub import check_range

OURS = (-1.0, 1.0)  # the value range of images in this toolkit
# What a classifier is usually fed after its own preprocessing.
CANONICAL = (OURS, (0.0, 1.0), (0.0, 255.0))


def open_keras(path):
    """The model of a `.keras` file, not compiled.

    Raises:
        ValueError: the file is of another kind, damaged, or of layers that are not registered.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"a model file must be a whole Keras 3 archive (.keras). Received: handle={str(path)!r}"
            ", which is not one. If it was cut short, copy it again; if it is an older .h5 file, "
            "load it with keras.models.load_model and save it as .keras."
        )
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever the archive's content provokes
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"a .keras file must load with keras.models.load_model. Received: handle={str(path)!r}"
            f", which fails: {first}. Import the package that registers its custom layers first, "
            "or load it yourself and pass the model."
        ) from error


def recorded_range(folder):
    """The range that an export of this toolkit recorded beside the model, or None."""
    path = folder / "assets.extra" / "keras_kd.json"
    if not path.is_file():
        return None
    try:
        return check_range(json.loads(path.read_text(encoding="utf-8"))["input_range"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            'assets.extra/keras_kd.json must hold {"input_range": [low, high]}. '
            f"Received: {path}: {error}. Repair it, or pass input_range."
        ) from error


def convert(images, input_range, name):
    """Symbolic images in [-1, 1] as a model of another range expects them, by a layer `name`."""
    low, high = input_range
    return keras.layers.Rescaling((high - low) / 2, (high + low) / 2, dtype="float32", name=name)(
        images
    )


def expected_range(model):
    """The value range that a model's own preprocessing expects, or None where it has none.

    Looks at the layers before the first with trainable weights, nested models included. A
    `Rescaling` tells it: of [0, 255], [0, 1] and [-1, 1], the range that it maps closest to a
    usual one. A `Normalization` tells it by its mean.
    """
    for layer in _leading(model):
        if isinstance(layer, keras.layers.Rescaling):
            return _of_rescaling(float(np.mean(layer.scale)), float(np.mean(layer.offset)))
        if isinstance(layer, keras.layers.Normalization) and layer.mean is not None:
            return _of_mean(float(np.mean(keras.ops.convert_to_numpy(layer.mean))))
    return None


def _leading(model):
    """Layers from the input on, nested models unrolled, up to the first with kernels."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leading(layer)
            return
        if layer.weights and not isinstance(layer, keras.layers.Normalization):
            return
        yield layer


def _of_rescaling(scale, offset):
    def distance(source, target):
        low, high = (scale * value + offset for value in source)
        return (abs(low - target[0]) + abs(high - target[1])) / (target[1] - target[0])

    # Ranked by how far the result lies from a usual range; ours wins a tie.
    ranked = sorted(
        itertools.product(CANONICAL, CANONICAL), key=lambda pair: round(distance(*pair), 3)
    )
    return ranked[0][0]


def _of_mean(mean):
    if mean > 2:
        return (0.0, 255.0)
    return (0.0, 1.0) if mean > 0.2 else (-1.0, 1.0)
