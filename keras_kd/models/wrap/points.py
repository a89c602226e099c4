"""Which tensors of a network a device holds in 8 bits, and so a fake quantiser stands behind."""

from typing import NamedTuple

from keras import layers

from keras_kd.models.layers import GroupNorm
from keras_kd.models.resnet import IdentityShortcut

# What gives numbers that it was given, or zeros: they are on the grid already.
PASSING = (
    layers.Cropping2D, layers.Dropout, layers.Flatten, layers.GlobalMaxPooling2D, layers.Identity,
    layers.MaxPooling2D, layers.Permute, layers.Reshape, layers.SpatialDropout2D,
    layers.ZeroPadding2D, IdentityShortcut,
)  # fmt: skip
PASSING_OPS = ("ExpandDims", "GetItem", "Pad", "Reshape", "Squeeze", "Transpose", "linear")
# Functions whose range in an int8 file is fixed.
FIXED = {
    "sigmoid": (0.0, 255 / 256),
    "softmax": (0.0, 255 / 256),
    "tanh": (-1.0, 127 / 128),
}
# Norms that measure each image: in integers they would cost accuracy.
FLOAT = (
    GroupNorm, layers.GroupNormalization, layers.LayerNormalization, layers.RMSNormalization,
    layers.UnitNormalization,
)  # fmt: skip
FUSED = ("relu", "relu6")  # what a device does in the same step as what stands before
# Images in [-1, 1], whose ends are steps: with 255 steps between these ends each pixel of a camera
# would lie half-way between two, and be rounded here up and there down.
IMAGES = (-128 / 127, 1.0)


class Point(NamedTuple):
    """A tensor that is held in 8 bits.

    Attributes:
        call: `keras_kd.models.wrap.graph.Call` that gives it.
        ends: its range where that is fixed, or None.
    """

    call: object
    ends: tuple | None


def points(network):
    """The tensors behind layers that are held in 8 bits, in their order.

    Args:
        network: `Network` that `calls_of` gave, of a folded model.

    Returns:
        list of `Point`.
    """
    readers = {}
    for call in network.calls:
        for tensor in call.tensors:
            readers.setdefault(id(tensor), []).append(call)
    found = []
    for call in network.calls:
        after = readers.get(id(call.output), [])
        fused = len(after) == 1 and function_of(after[0].layer) in FUSED
        if not passes(call.layer) and not (fused and call.output is not network.logits):
            found.append(Point(call, FIXED.get(function_of(call.layer))))
    return found


def passes(operation):
    """Whether what comes out of an operation is on the grid of what goes in."""
    return type(operation) in PASSING or function_of(operation) in PASSING_OPS


def is_fused(operation):
    """Whether a device does an operation in the same step as what stands before."""
    return function_of(operation) in FUSED


def stays_float(operation):
    """Whether an operation is meant to stay in float32 in a file of integers."""
    return type(operation) in FLOAT


def function_of(operation):
    """The name of what an operation does to each number, such as "relu6", or its own."""
    if type(operation) is layers.Activation:
        return operation.activation.__name__
    if type(operation) is layers.ReLU:
        plain = not operation.negative_slope and not operation.threshold
        return {None: "relu", 6: "relu6"}.get(operation.max_value, "") if plain else ""
    if type(operation) is layers.Softmax:
        return "softmax"
    name = type(operation).__name__
    return name.lower() if name.lower() in (*FIXED, *FUSED) else name
