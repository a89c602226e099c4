"""Which rule holds for which layer: one entry a layer.

A rule says which channels a layer gives of those that it takes (`spread`), along which axes its
weights hold them (`parts`), and what its config says of their number (`config`). A new layer is
a new entry of `RULES`. Channels come last in every layer that is followed.
"""

import keras
from keras import layers

from keras_kd.models.layers import GroupNorm, StandardizedConv2D
from keras_kd.models.resnet import IdentityShortcut
from keras_kd.models.wrap.rule import Concatenation, Fixed, Flattening, Merge, Reshaping, Rule
from keras_kd.models.wrap.rule_weights import (
    Convolution,
    Dense,
    Depthwise,
    Grouped,
    PerChannel,
    Scale,
    Separable,
    Shortcut,
    Transposed,
)


def _rules():
    each = (
        layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Identity,
        layers.Dropout, layers.SpatialDropout2D, layers.GaussianNoise, layers.GaussianDropout,
        layers.AlphaDropout, layers.ActivityRegularization,
        layers.MaxPooling2D, layers.AveragePooling2D,
        layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D,
        layers.UpSampling2D, layers.ZeroPadding2D, layers.Cropping2D, layers.Resizing,
    )  # fmt: skip
    merging = (
        layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum,
        layers.Minimum,
    )  # fmt: skip
    return {
        **dict.fromkeys(each, Rule()),
        **dict.fromkeys(merging, Merge()),
        layers.Rescaling: Fixed(),
        layers.Normalization: Fixed(),
        layers.Softmax: Fixed(),
        layers.Permute: Fixed(),
        layers.Concatenate: Concatenation(),
        layers.Flatten: Flattening(),
        layers.Reshape: Reshaping(),
        layers.BatchNormalization: PerChannel(),
        layers.LayerNormalization: PerChannel(),
        layers.PReLU: PerChannel(),
        layers.GroupNormalization: Grouped(),
        GroupNorm: Grouped(),
        layers.Conv2D: Convolution(),
        StandardizedConv2D: Convolution(),
        layers.Conv2DTranspose: Transposed(),
        layers.DepthwiseConv2D: Depthwise(),
        layers.SeparableConv2D: Separable(),
        layers.Dense: Dense(),
        IdentityShortcut: Shortcut(),
    }


RULES = _rules()
# Layers that Keras keeps to itself, by name.
INTERNAL = {"LayerScale": Scale(), "StochasticDepth": Rule()}


def rule_of(operation):
    """The `Rule` of a layer, or None where there is none.

    A subclass of a layer may do anything, and so has no rule but its own.
    """
    kind = type(operation)
    if kind.__module__.startswith("keras.src."):
        return RULES.get(kind) or INTERNAL.get(kind.__name__)
    return RULES.get(kind)


def comes_first(operation):
    """Whether a layer keeps its channels elsewhere than last."""
    return getattr(operation, "data_format", None) == "channels_first"


def is_layer(operation):
    """Whether an operation is a layer, and no bare function of `keras.ops`."""
    return isinstance(operation, keras.layers.Layer)
