"""What cached targets depend on, so that a run refuses those of another teacher, data or views.

A fingerprint is a flat dict, field -> JSON value. It names content, not places: a teacher or a data
set that was moved or copied to another machine is the same one.
"""

import hashlib
import json
import os

import keras
import numpy as np

from keras_kd.data.examples import ArrayStore
from keras_kd.data.jpeg import DCT
from keras_kd.data.resize import DEFAULT


def of_teacher(teacher):
    """Fields of a Keras model that are its own function: weights, layers, precision.

    Args:
        teacher: Keras model, before anything was folded or compiled.

    Returns:
        dict: `teacher.weights`, `teacher.layers` (hashes), `teacher.precision`.
    """
    weights = hashlib.sha256()
    for variable in teacher.weights:
        value = np.ascontiguousarray(keras.ops.convert_to_numpy(variable.value))
        weights.update(f"{value.dtype}{value.shape}".encode())
        weights.update(value.tobytes())
    layers = json.dumps(list(_leaves(teacher, with_handle=not teacher.weights)))
    return {
        "teacher.weights": weights.hexdigest()[:16],
        "teacher.layers": _short(layers.encode()),
        "teacher.precision": " ".join(sorted(set(_precisions(teacher)))),
    }


def of_data(source, split):
    """Fields of the training examples: who they are, in which order, and their images.

    Args:
        source: `keras_kd.data.Source`.
        split: split expression.

    Returns:
        dict: `data.source`, `data.split`, `data.examples`, `data.content` (a hash of ids, labels,
        image sizes and class names) and `data.images` (a hash of the images: of the CRC-32 of each
        encoded image, as its scan found it, or of the pixels that are held in memory; None of a
        source of another kind, of whose images nothing is compared); of JPEG images `data.jpeg`,
        how they are decoded. A scan that an earlier run kept is believed for as long as the files'
        sizes and modification times are the same.
    """
    examples = source.split(split)
    content = hashlib.sha256(json.dumps(source.class_names).encode())
    columns = [examples.ids, examples.labels, examples.sizes]
    if examples.turned:
        columns.append(examples.orientations)
    for values in columns:
        content.update(np.ascontiguousarray(values, np.int64).tobytes())
    has_jpeg = examples.is_jpeg is not None and examples.is_jpeg.any()
    return {
        # Decoders differ by a level or so; targets of before this field are of another one.
        **({"data.jpeg": DCT} if has_jpeg else {}),
        "data.source": " + ".join(map(_placeless, source.name.split(" + "))),
        "data.split": split,
        "data.examples": examples.num_examples,
        "data.content": content.hexdigest()[:16],
        "data.images": _images(examples),
    }


def of_views(views, batch_size, resolution, seed, resize=DEFAULT, repeats=1):
    """Fields of what the teacher sees at each step.

    Args:
        views: `keras_kd.data.Views`.
        batch_size: size of the global batch.
        resolution: side of the teacher's images in pixels.
        seed: int, the seed of the run.
        resize: kernel, see `keras_kd.data.resize`.
        repeats: how often each image stands in a batch.

    Returns:
        dict: seed, batch size, and what the teacher's view is. The student's resolution, and its
        view where the teacher has one of its own, are not among them: students of any size learn
        from one cache.
    """
    seen = {f"views.{name}": value for name, value in views.describe().items()}
    if resize != DEFAULT:
        seen["views.resize"] = resize
    if repeats > 1:
        seen["views.repeats"] = repeats
    return {
        "seed": seed,
        "batch_size": batch_size,
        "views.teacher_resolution": resolution,
        **seen,
    }


def differences(there, here):
    """One phrase for each field that differs between two flat dicts."""
    missing = "(not set)"
    return [
        f"{name}: {there.get(name, missing)!r} there, {here.get(name, missing)!r} here"
        for name in sorted(there.keys() | here.keys())
        if there.get(name, missing) != here.get(name, missing)
    ]


def _placeless(name):
    """A source's name without the folder that it lies in."""
    scheme, colon, place = name.rpartition(":")
    return scheme + colon + os.path.basename(place.rstrip("/"))


def _images(examples):
    if examples.checksums is not None:
        return _short(np.ascontiguousarray(examples.checksums, "<u4"))
    if isinstance(examples.store, ArrayStore):
        return _short(np.ascontiguousarray(examples.store.images))
    return None


def _leaves(layer, with_handle):
    """(class, plain settings) of every layer that holds no others, in order.

    Names are left out: Keras counts them up, so that the same network gets others in the next
    process. Initializers and the like are dicts, and have done their work. A handle is a place, and
    counts only where neither weights nor a digest tell what lies there.
    """
    if isinstance(layer, keras.Model):
        for inner in layer.layers:
            yield from _leaves(inner, with_handle)
        return
    config = layer.get_config()
    told = not with_handle or "digest" in config
    dropped = {"name", "trainable", "dtype", "seed", "batch_shape", *(["handle"] if told else [])}
    settings = {k: value for k, value in config.items() if k not in dropped and _is_plain(value)}
    yield [type(layer).__name__, settings]


def _precisions(layer):
    if isinstance(layer, keras.Model):
        for inner in layer.layers:
            yield from _precisions(inner)
    elif layer.weights:
        yield layer.compute_dtype


def _is_plain(value):
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float | bool)


def _short(content):
    return hashlib.sha256(content).hexdigest()[:16]
