"""Saved models: opened with one readable error, and the pixel values recorded beside them."""

import json
import zipfile

import keras

from keras_kd.models.hub import check_range


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
