"""The pixel values that a model expects, read off what it does to them before its first weights."""

import itertools

import keras
import numpy as np
from keras import ops

from keras_kd.models.hub import HubModule
from keras_kd.models.taps import flat_calls

OURS = (-1.0, 1.0)  # the value range of images in this toolkit
# What a classifier is usually fed before its own preprocessing, or after it.
CANONICAL = (OURS, (0.0, 1.0), (0.0, 255.0))
# Values of the flat images that are shown: ends and middle of each.
SHOWN = (-1.0, 0.0, 0.5, 1.0, 127.5, 255.0)
NEAR = 0.1  # of the width: how far the ends may lie from those of a usual range
AFFINE = 0.02  # of the width: how far the middle may lie off
# Images that were brought to mean 0 and deviation 1 have their zero inside, and are about 4 wide.
INSIDE = (0.1, 0.9)
USUAL_WIDTH = 4.0
PIXEL_WIDTH = 255.0
WIDEST = 1.5  # log of the factor between a width and the usual one
MARGIN = 0.4  # by which the nearest must beat the next


class UnknownRange(ValueError):
    """What a model does to its images does not tell their range."""


def convert(images, input_range, name):
    """Symbolic images in [-1, 1] as a model of another range expects them, by a layer `name`."""
    low, high = input_range
    return keras.layers.Rescaling((high - low) / 2, (high + low) / 2, dtype="float32", name=name)(
        images
    )


def expected_range(model):
    """The value range that a model's own preprocessing expects.

    Whatever stands before the first weights, layers or operations, nested or not, is run on flat
    images of -1 to 255. Of [-1, 1], [0, 1] and [0, 255] the one is expected that comes out as a
    usual range, or else as images of mean 0 and deviation 1.

    Args:
        model: functional or `Sequential` Keras model of one input.

    Returns:
        (low, high), or None where the values are taken as they are.

    Raises:
        UnknownRange: what stands there fits none of these ranges or several, or cannot be seen.
    """
    if model.inputs[0].dtype.startswith(("int", "uint")):
        return (0.0, 255.0)
    images, ends, passed = _until_weights(model)
    found = {}
    for operation, tensor in ends:
        values = _values(images, tensor, model.inputs[0].shape[1:])
        found[operation.name] = _range_of(values, operation, passed)
    told = set(found.values())
    if len(told - {None}) > 1:
        listed = ", ".join(f"{name!r} {value}" for name, value in found.items())
        raise UnknownRange(f"its branches expect several value ranges: {listed}")
    return next(iter(told - {None}), None)


def _until_weights(model):
    """(symbolic images, [(operation with weights, what comes in)], names of what lies before)."""
    images, calls, _ = flat_calls(model)
    known, ends, passed = {id(images)}, [], []
    for operation, args, kwargs, output in calls:
        tensors = [
            t for t in keras.tree.flatten((args, kwargs)) if isinstance(t, keras.KerasTensor)
        ]
        seen = [t for t in tensors if id(t) in known]
        if seen and len(seen) == len(tensors) and not _has_weights(operation):
            known |= {id(t) for t in keras.tree.flatten(output)}
            passed.append(f"{operation.name!r}")
        elif seen and _has_weights(operation):
            ends.append((operation, seen[0]))
    return images, ends, passed


def _has_weights(operation):
    if isinstance(operation, keras.layers.Normalization):
        return False  # mean and deviation of the images, which nothing trains
    return bool(getattr(operation, "weights", ())) or isinstance(operation, HubModule)


def _values(images, tensor, shape):
    """What flat images of some values become: a dict of float to float."""
    before = keras.Model(images, tensor)
    shape = tuple(side or 64 for side in shape)
    flat = ops.convert_to_tensor(np.stack([np.full(shape, v, "float32") for v in SHOWN]))
    outcome = ops.convert_to_numpy(before(flat, training=False)).astype("float64")
    if outcome.ndim == 4:  # away from borders of zeros
        outcome = outcome[:, outcome.shape[1] // 2, outcome.shape[2] // 2]
    # The median: each channel may have a mean of its own.
    return dict(zip(SHOWN, np.median(outcome.reshape(len(SHOWN), -1), axis=1)))


def _range_of(values, operation, passed):
    """The source range that these values tell; None where they are as they were."""
    if _are_as_before(values):
        _refuse_opaque(operation)
        return _of_statistics(operation)
    return range_of_values(values, passed)


def _are_as_before(values):
    return all(abs(after - old) <= 1e-3 * max(1, abs(old)) for old, after in values.items())


def range_of_values(values, passed):
    """The value range that is expected by whoever makes these values of those.

    Args:
        values: dict of each of `SHOWN` -> what a flat image of it becomes before the first weights.
        passed: names of what makes them, for the error.

    Returns:
        (low, high), or None where the values are as they were.

    Raises:
        UnknownRange: they fit none of the usual ranges, or several.
    """
    if _are_as_before(values):
        return None
    widths = {source: _ends(values, source) for source in CANONICAL}
    hits = {s for s, t in itertools.product(CANONICAL, CANONICAL) if _is_near(widths[s], t)}
    moved_only = abs(abs(values[1.0] - values[0.0]) - 1) <= AFFINE
    if OURS in hits:
        return OURS
    if len(hits) == 1 and not moved_only:  # to pixels, the mean of others is next to nothing
        return hits.pop()
    scores = sorted((_score(ends, values), source) for source, ends in widths.items())
    (best, source), (second, _), _ = scores
    if best > WIDEST or second - best < MARGIN:
        raise UnknownRange(
            f"what stands before its first weights, {', '.join(passed)}, makes a usual range of "
            "none of [-1, 1], [0, 1] and [0, 255], or of several"
        )
    return source


def _ends(values, source):
    """(lowest, highest) of what a range becomes, or None where that is no straight line."""
    low, high = source
    ends = sorted((values[low], values[high]))
    off = abs(values[(low + high) / 2] - sum(ends) / 2)
    width = ends[1] - ends[0]
    return ends if np.isfinite(width) and width > 0 and off <= AFFINE * width else None


def _is_near(ends, target):
    if ends is None:
        return False
    distance = sum(abs(a - b) for a, b in zip(ends, target))
    return distance <= NEAR * (target[1] - target[0])


def _score(ends, values):
    """How unlike standardised images a range comes out: 0 is alike, infinity is not at all."""
    if ends is None:
        return np.inf
    width = ends[1] - ends[0]
    inside = INSIDE[0] <= -ends[0] / width <= INSIDE[1]
    slope = abs(values[1.0] - values[0.0])
    if not inside or abs(values[0.0]) <= 1e-3 * width:
        return np.inf  # multiplied only: nothing tells where the middle was
    if abs(slope - 1) <= AFFINE or abs(width - PIXEL_WIDTH) <= AFFINE * PIXEL_WIDTH:
        return 0.0  # a mean taken off, of values as they were or of pixels
    return abs(np.log(width / USUAL_WIDTH))


def _refuse_opaque(operation):
    """A layer of somebody else's, with weights, may convert the values itself."""
    own = ("keras_kd.", "keras.src.layers.", "keras.src.ops.")
    known = any(
        kind.__module__.startswith(own) and kind not in (keras.layers.Layer, keras.Operation)
        for kind in type(operation).__mro__
    )
    if not known:
        raise UnknownRange(
            f"the first layer with weights, {operation.name!r} of type "
            f"{type(operation).__name__}, does not show what it does to the values"
        )


def _of_statistics(operation):
    """What a batch norm in front has seen: values that only one range holds, or nothing certain."""
    if not isinstance(operation, keras.layers.BatchNormalization):
        return None
    mean, variance = (
        float(np.median(ops.convert_to_numpy(v)))
        for v in (operation.moving_mean, operation.moving_variance)
    )
    return (0.0, 255.0) if abs(mean) > 2 or variance > 4 else None
