"""What a model's answers are merged, pooled or scaled of."""

from typing import NamedTuple

import keras

from keras_kd.models.ending import (
    ELEMENTWISE,
    inputs_of,
    is_transparent,
    normalized_axes,
    squashing,
    symbolic_logits,
)
from keras_kd.models.taps import graph_of

# Layers that give numbers of any size, if no activation stands in them.
LINEAR = ("Dense", "EinsumDense", "Conv2D", "DepthwiseConv2D", "SeparableConv2D")
# What merges, pools or scales answers, so that they are what those behind them are.
MERGING = (
    "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Negative", "Average", "Maximum",
    "Minimum", "Concatenate", "Stack", "Mean", "Sum", "Max", "Min", "Matmul", "Dot", "Einsum",
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "AveragePooling2D", "MaxPooling2D",
    "GlobalAveragePooling1D", "GlobalMaxPooling1D", "Rescaling", "BatchNormalization", "GetItem",
    "Take", "Transpose", "Permute",
)  # fmt: skip


class Source(NamedTuple):
    """One of those whose numbers are merged to a model's answers.

    Attributes:
        operation: a Keras operation.
        kind: name of the activation that it applies last, "linear" for none, where the graph shows
            that; empty where it does not.
        mixes_images: whether that activation makes one image's answer depend on the others.
    """

    operation: keras.Operation
    kind: str
    mixes_images: bool


def sources(model):
    """What makes a model's answers, looking through what merges, pools, scales or reshapes them.

    Args:
        model: any model.

    Returns:
        list of `Source`, empty where no graph shows any.
    """
    output = symbolic_logits(model)
    return [] if output is None else [_source(*one) for one in _feeding(output)]


def _feeding(tensor, outer=()):
    """Operations behind all that merges, and what they give.

    Args:
        tensor: symbolic.
        outer: of each nested model around it, the innermost first, its graph and what it is
            called on.

    Yields:
        (operation, tensor).
    """
    operation, _, index = tensor._keras_history
    graph = graph_of(operation) if isinstance(operation, keras.Model) else None
    if graph is not None:
        yield from _feeding(graph.outputs[index], ((graph, inputs_of(tensor)), *outer))
    elif isinstance(operation, keras.layers.InputLayer) and outer:
        (graph, given), *outer = outer
        own = [one._keras_history.operation for one in graph.inputs]
        yield from _feeding(given[own.index(operation)], tuple(outer))
    elif type(operation).__name__ in MERGING or is_transparent(operation):
        for one in inputs_of(tensor):
            yield from _feeding(one, outer)
    else:
        yield operation, tensor


def _source(operation, tensor):
    kind = squashing(operation) or ""
    if not kind and type(operation).__name__ in LINEAR:
        kind = "linear" if operation.activation is keras.activations.linear else ""
    normalises = kind and kind not in ("linear", *ELEMENTWISE)
    return Source(operation, kind, bool(normalises and 0 in normalized_axes(operation, tensor)))
