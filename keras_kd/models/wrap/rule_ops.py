"""How channels go through bare functions of `keras.ops` in a functional model, by their names."""

import numpy as np

from keras_kd.models.wrap.rule import Fixed, Merge, Rule


class Reduction(Rule):
    """A mean or maximum over pixels; over the channels it fixes them."""

    def spread(self, channels, call):
        axis, rank = call.layer.axis, len(call.shapes[0])
        axes = axis if isinstance(axis, list | tuple) else (axis,)
        if axis is None or any(one in (-1, rank - 1) for one in axes):
            return Fixed.spread(self, channels, call)
        return call.ins[0]


class Arithmetic(Merge):
    """Sums, products and the like, with numbers too; with an array of its own it is fixed."""

    def spread(self, channels, call):
        if any(np.ndim(one) for one in call.constants):
            return Fixed.spread(self, channels, call)
        return super().spread(channels, call)


EACH = (
    "Abs", "Cast", "Clip", "Elu", "Exp", "Gelu", "HardSigmoid", "HardSilu", "HardTanh", "LeakyRelu",
    "Log", "Negative", "Relu", "Relu6", "Selu", "Sigmoid", "Silu", "Softplus",
    "Softsign", "Sqrt", "Square", "Tanh",
)  # fmt: skip
MERGING = ("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum")
FIXED = ("Softmax", "LogSoftmax", "Reshape")
OPS = {
    **dict.fromkeys(EACH, Rule()),
    **dict.fromkeys(MERGING, Arithmetic()),
    **dict.fromkeys(FIXED, Fixed()),
    "Mean": Reduction(),
    "Max": Reduction(),
}


def rule_of(operation):
    """The `Rule` of an operation that is no layer, or None where there is none."""
    return OPS.get(type(operation).__name__)
