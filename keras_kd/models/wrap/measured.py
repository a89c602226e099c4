"""Fake quantisers between the layers of a model, whose first ranges are measured on images."""

import keras
import numpy as np

from keras_kd.models.wrap.graph import calls_of
from keras_kd.models.wrap.images import batches_of, checked_images
from keras_kd.models.wrap.neighbours import ROUNDED
from keras_kd.models.wrap.points import IMAGES, points, stays_float
from keras_kd.models.wrap.ranges import FixedRange, InFloat, LSQRange, MinMaxRange
from keras_kd.models.wrap.rebuild import copy_of, remade, taken

SCHEMES = {"minmax": MinMaxRange, "lsq": LSQRange}


def with_ranges(model, images, scheme="lsq"):
    """A model with a fake quantiser behind every tensor that a device holds in 8 bits.

    Args:
        model: folded model, its kernels on grids or not.
        images: float array `[N, H, W, C]`, on which the first ranges are measured.
        scheme: a key of `SCHEMES`.

    Returns:
        a functional `keras.Model` of new layers.
    """
    network = calls_of(model)
    images = checked_images(images, network.images.shape[1:])
    found = points(network)
    measured = _ends(network, [point for point in found if point.ends is None], images)
    behind = {id(network.images): FixedRange(*IMAGES, name="image_range")}
    names = {"image_range"}
    for point in found:
        name = taken(f"{point.call.layer.name}_range", names)  # a layer may be called again
        if point.ends is None:
            behind[id(point.call.output)] = SCHEMES[scheme](name=name)
        else:
            behind[id(point.call.output)] = FixedRange(*point.ends, name=name)

    def change(layer, names):
        kind = ROUNDED.get(type(layer))
        return copy_of(layer, {"trainable": layer.trainable}, names, kind), layer.get_weights()

    norms = {id(call.layer): call.layer.name for call in network.calls if stays_float(call.layer)}
    before = {key: InFloat(name=f"{name}_in_float") for key, name in norms.items()}
    made = remade(network, change, model.name, behind, before)
    for output, ends in measured.items():
        behind[output].start(*ends)
    return made


def _ends(network, found, images):
    """id of a tensor -> mean of the smallest and of the largest number of each batch."""
    if not found:
        return {}
    outputs = [point.call.output for point in found]
    ends = [(keras.ops.min(one), keras.ops.max(one)) for one in outputs]
    measuring = keras.Model(network.images, ends)
    batches = [np.array(measuring(batch, training=False)) for batch in batches_of(images)]
    means = np.mean(batches, axis=0)
    return {id(output): tuple(map(float, one)) for output, one in zip(outputs, means)}
