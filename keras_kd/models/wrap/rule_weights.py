"""How channels go through layers with weights: norms, convolutions, dense layers."""

import numpy as np

from keras_kd.models.wrap.rule import Fixed, Part, Rule, is_across


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
        if is_across(call.layer):
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
