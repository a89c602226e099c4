"""How channels go through a layer: one rule a family of layers, in a table.

A rule says which channels a layer gives of those that it takes (`spread`), along which axes its
weights hold them (`parts`), and what its config says of their number (`config`). A new layer is
a new entry of `RULES`. Channels come last in every layer that is followed.
"""

from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from keras_kd.models.layers import GroupNorm, StandardizedConv2D
from keras_kd.models.resnet import IdentityShortcut

# Activations over the channels: with one of them gone, the others change.
ACROSS = ("softmax", "log_softmax", "sparsemax", "glu")


class Part(NamedTuple):
    """An axis of a weight that holds channels.

    Attributes:
        weight: name of the weight within its layer.
        axis: of the weight.
        ids: the channel at each place of that axis.
        role: "reads" what goes in, "writes" what comes out, or "scales" what passes.
    """

    weight: str
    axis: int
    ids: np.ndarray
    role: str


class Rule:
    """A layer that treats each channel by itself and has no weights.

    In all methods `call` has `layer`, `ins` (list of the channels of each tensor that goes in),
    `shapes` of these, `out` (channels that come out) and `shape`.
    """

    def spread(self, channels, call):
        """The channels that come out, an int array; unites those that must stay together."""
        if _is_across(call.layer):
            channels.freeze(call.ins[0])
        return call.ins[0]

    def parts(self, call):
        """List of `Part`."""
        return []

    def config(self, call, kept):
        """dict of what changes in the layer's config; `kept` counts the kept of some channels."""
        return {}


class Fixed(Rule):
    """What mixes channels in its own way: none that it sees or gives is cut."""

    def spread(self, channels, call):
        for ids in call.ins:
            channels.freeze(ids)
        out = channels.fresh(call.shape[-1], call.layer.name)
        channels.freeze(out)
        return out


class Merge(Rule):
    """Sums, products and the like of several tensors; one channel may stand for all."""

    def spread(self, channels, call):
        wide = [ids for ids in call.ins if len(ids) == call.shape[-1]]
        for ids in call.ins:
            if len(ids) != call.shape[-1]:
                channels.freeze(ids)
        for ids in wide[1:]:
            channels.unite(wide[0], ids)
        return wide[0]


class Concatenation(Rule):
    """Tensors side by side, along the channels or along another axis."""

    def spread(self, channels, call):
        axis = call.layer.axis
        if axis in (-1, len(call.shape) - 1):
            return np.concatenate(call.ins)
        return Merge.spread(self, channels, call)


class Flattening(Rule):
    """Pixels become channels: what is one channel before is one group after."""

    def spread(self, channels, call):
        return np.tile(call.ins[0], call.shape[-1] // len(call.ins[0]))


class Reshaping(Flattening):
    """Keeps the channels where they stay the last axis or all becomes one; else fixes them."""

    def spread(self, channels, call):
        if call.shape[-1] == len(call.ins[0]):
            return call.ins[0]
        if len(call.shape) == 2:
            return super().spread(channels, call)
        return Fixed.spread(self, channels, call)

    def config(self, call, kept):
        count = kept(call.out)
        if count == len(call.out):
            return {}
        return {"target_shape": (*call.layer.target_shape[:-1], count)}


class PerChannel(Rule):
    """Weights of one value a channel, as norms have them."""

    role = "scales"

    def spread(self, channels, call):
        axis = getattr(call.layer, "axis", -1)
        for one in axis if isinstance(axis, list | tuple) else (axis,):
            if one not in (-1, len(call.shape) - 1):
                return Fixed.spread(self, channels, call)
        return call.ins[0]

    def parts(self, call):
        count = len(call.ins[0])
        weights = [weight for weight in call.layer.weights if weight.shape[-1:] == (count,)]
        return [Part(w.name, len(w.shape) - 1, call.ins[0], self.role) for w in weights]


class Scale(PerChannel):
    """One learned factor a channel, of a layer whose config counts them."""

    def config(self, call, kept):
        return {"projection_dim": kept(call.out)}


class Grouped(PerChannel):
    """Norms over groups of channels: a group is cut as a whole, which leaves the others exact."""

    def spread(self, channels, call):
        if getattr(call.layer, "axis", -1) not in (-1, len(call.shape) - 1):
            return Fixed.spread(self, channels, call)
        whole = call.ins[0].reshape(self._groups(call), -1)
        for column in whole.T[1:]:
            channels.unite(whole[:, 0], column)
        return call.ins[0]

    def _groups(self, call):
        count = len(call.ins[0])
        groups = getattr(call.layer, "_used_groups", None) or call.layer.groups
        return count if groups in (-1, None) else groups

    def config(self, call, kept):
        return {"groups": kept(call.ins[0]) * self._groups(call) // len(call.ins[0])}


class Convolution(Rule):
    """A kernel `[h, w, in, out]`; the groups of a grouped one all lose the same of theirs."""

    size = "filters"

    def spread(self, channels, call):
        out = channels.fresh(call.shape[-1], call.layer.name)
        groups = getattr(call.layer, "groups", 1)
        if groups > 1:
            first, second = (ids.reshape(groups, -1) for ids in (call.ins[0], out))
            if self._whole(call):
                for ids in (*first.T[1:], *second.T):
                    channels.unite(first[:, 0], ids)
            else:
                for ids in (first, second):
                    for row in ids[1:]:
                        channels.unite(ids[0], row)
        if _is_across(call.layer):
            channels.freeze(out)
        return out

    def _whole(self, call):
        """Whether groups are cut as a whole, since none has a channel to lose."""
        return call.layer.groups in (len(call.ins[0]), call.shape[-1])

    def parts(self, call):
        groups, found = getattr(call.layer, "groups", 1), []
        if groups == 1 or not self._whole(call):
            found.append(Part("kernel", 2, call.ins[0][: len(call.ins[0]) // groups], "reads"))
        found.append(Part("kernel", 3, call.out, "writes"))
        return found + _bias(call)

    def config(self, call, kept):
        groups, count = getattr(call.layer, "groups", 1), kept(call.out)
        if groups > 1 and self._whole(call):
            return {self.size: count, "groups": groups * count // len(call.out)}
        return {self.size: count}


class Transposed(Convolution):
    """A kernel `[h, w, out, in]`."""

    def parts(self, call):
        kernel = Part("kernel", 3, call.ins[0], "reads"), Part("kernel", 2, call.out, "writes")
        return [*kernel, *_bias(call)]


class Depthwise(Rule):
    """A kernel `[h, w, in, multiplier]`: what comes out of a channel goes with it."""

    def spread(self, channels, call):
        return np.repeat(call.ins[0], call.layer.depth_multiplier)

    def parts(self, call):
        return [Part("kernel", 2, call.ins[0], "scales"), *_bias(call)]


class Separable(Convolution):
    """A depthwise kernel and a pointwise one."""

    def parts(self, call):
        between = np.repeat(call.ins[0], call.layer.depth_multiplier)
        return [
            Part("depthwise_kernel", 2, call.ins[0], "scales"),
            Part("pointwise_kernel", 2, between, "reads"),
            Part("pointwise_kernel", 3, call.out, "writes"),
            *_bias(call),
        ]


class Dense(Convolution):
    """A kernel `[in, out]`."""

    size = "units"

    def parts(self, call):
        kernel = Part("kernel", 0, call.ins[0], "reads"), Part("kernel", 1, call.out, "writes")
        return [*kernel, *_bias(call)]


class Shortcut(Rule):
    """Channels that pass, and zeros behind them."""

    def spread(self, channels, call):
        count = call.shape[-1] - len(call.ins[0])
        return np.concatenate([call.ins[0], channels.fresh(count, call.layer.name)])

    def config(self, call, kept):
        return {"filters": kept(call.out)}


def _bias(call):
    uses = getattr(call.layer, "use_bias", False)
    return [Part("bias", 0, call.out, "writes")] if uses else []


def _is_across(layer):
    function = getattr(layer, "activation", None)
    return getattr(function, "__name__", "") in ACROSS


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
