"""A file that Keras saved, of any version: `path/to/model.keras`, `model.h5`, `model.hdf5`."""

import dataclasses
from pathlib import Path

import keras

from keras_kd.models import keras2
from keras_kd.models.hub import HubModule
from keras_kd.models.keras_versions import written
from keras_kd.models.saved import OldFile, open_keras
from keras_kd.models.value_range import OURS, UnknownRange, expected_range
from keras_kd.teachers.kind import Kind
from keras_kd.teachers.prepare import CONVERSION, open_module, prepare, shown_pixels


class KerasFile(Kind):
    """Every file that no other kind owns. What Keras 3 cannot read goes through tf_keras."""

    words = "'path/to/model.keras' or .h5"
    order = 90

    def owns(self, handle):
        return Path(handle).is_file()

    def side(self, handle):
        try:
            shape = open_keras(Path(handle)).input_shape
        except OldFile as error:
            shape = (None, *(keras2.input_shape(_converted(handle, error)) or ()))
        return (shape[1] or 0) if isinstance(shape, tuple) and len(shape) == 4 else 0

    def open(self, handle, wanted):
        try:
            return prepare(open_keras(Path(handle)), repr(handle), wanted)
        except OldFile as error:
            folder = _converted(handle, error)
        shape = wanted.input_shape or keras2.input_shape(folder)
        known = None
        if not wanted.pixels:
            known = shown_pixels(lambda: keras2.expected_range(folder), repr(handle)).input_range
        return open_module(
            str(folder), dataclasses.replace(wanted, input_shape=shape), known or OURS
        )

    def assumes(self, model):
        """Keras records no values: those that nothing in a network shows are taken as they come."""
        inner = list(_layers(model))
        if any(layer.name == CONVERSION for layer in inner):
            return False
        modules = [layer for layer in inner if isinstance(layer, HubModule)]
        if modules:
            return any(module.input_range == OURS for module in modules)
        try:
            return expected_range(model) is None
        except UnknownRange:
            return False  # it was asked about


def _layers(model):
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)


def _converted(handle, error):
    """The SavedModel folder of a file of an older Keras, which Keras 3 refused with `error`."""
    if '"Lambda"' in written(handle).config:
        raise ValueError(
            "a model file must not hold code that is run unasked. Received: "
            f"handle={handle!r}, which has a Lambda layer, and fails in Keras 3: "
            f"{_reason(error)}. Load it yourself with tf_keras, save it as a SavedModel folder, "
            "and give that folder."
        ) from error
    try:
        return keras2.converted(handle)
    except ValueError as old:
        raise ValueError(
            "a model file must load with Keras 3, or with tf_keras, which reads older ones. "
            f"Received: handle={handle!r}. Keras 3: {_reason(error)}. tf_keras: {old}. If it has "
            "layers of its own, load it where they are, save it as a SavedModel folder, and give "
            "that folder."
        ) from old


def _reason(error):
    """What Keras 3 said, of the sentence that was made of it."""
    lines = str(error.__cause__).strip().splitlines() or [type(error.__cause__).__name__]
    return " ".join(lines[0].split())[:300]
