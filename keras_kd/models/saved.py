"""Saved models: opened with one readable error, and the pixel values recorded beside them."""

import json
import re

import keras

from keras_kd.models.hub import check_range
from keras_kd.models.keras_versions import written

REASON = 300  # characters of what Keras says, which may be a whole config


class OldFile(ValueError):
    """A file of Keras 1 or 2 that Keras 3 cannot read, but tf_keras perhaps."""


def open_keras(path):
    """The model of a `.keras`, `.h5` or `.hdf5` file, not compiled.

    Raises:
        OldFile: Keras 3 cannot read it, and an older Keras wrote it.
        ValueError: the file is of another kind, damaged, or of layers that are not registered.
    """
    file = written(path)
    if not file.format:
        raise ValueError(
            "a model file must be a whole Keras 3 archive (.keras) or HDF5 file (.h5). Received: "
            f"handle={str(path)!r}, which is not one. If it was cut short, copy it again. A file "
            "of another framework can teach, onnx:FILE or tflite:FILE as handle, but not learn."
        )
    if file.format == "h5" and not file.config:
        raise ValueError(
            "a model file must hold a network. Received: "
            f"handle={str(path)!r}, which holds weights alone. Name their network: of "
            f"keras.applications it is keras:NAME?weights={path}; another must be saved whole, "
            "with model.save."
        )
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever the archive's content provokes
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:REASON]
        missing = re.search(r"parent module (\w+)\S* cannot be imported", str(error))
        if missing:
            advice = f"Install the package that has its layers: {missing[1]}"
        else:
            advice = "Import the package that registers its custom layers first"
        kind = OldFile if file.is_old else ValueError
        raise kind(
            f"a .keras file must load with keras.models.load_model. Received: handle={str(path)!r}"
            f", which fails: {first}. {advice}, or load it yourself and pass the model."
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
