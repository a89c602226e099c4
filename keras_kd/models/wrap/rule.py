"""What a rule is: how channels go through a layer; and those of layers without weights."""

from typing import NamedTuple

import numpy as np

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
        if is_across(call.layer):
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


def is_across(layer):
    """Whether a layer's activation looks over all channels of a pixel."""
    function = getattr(layer, "activation", None)
    return getattr(function, "__name__", "") in ACROSS
