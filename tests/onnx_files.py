"""Small ONNX files, made node by node, whose function is a closed form."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

CLASSES = 4
RNG = np.random.default_rng(3)
KERNEL = RNG.normal(size=(3, CLASSES)).astype("float32")
BIAS = RNG.normal(size=CLASSES).astype("float32")


def logits_of(values):
    """What the files give for values `[B, H, W, 3]`: the mean colour, times a matrix; float64."""
    return values.astype("float64").mean((1, 2)) @ KERNEL + BIAS


def write(
    path,
    shape=("N", 3, "H", "W"),
    channels=1,
    type_=TensorProto.FLOAT,
    classes=CLASSES,
    nodes=(),
    inputs=(),
    outputs=(),
):
    """Writes the mean over the axes of the image, times KERNEL, plus BIAS.

    Args:
        path: of the file.
        shape: of its input `image`; names are sizes that stay open.
        channels: axis of the channels, 1 or 3.
        type_: of the input, cast to float inside.
        classes: number of logits, the first of all.
        nodes: further nodes, `logits` and `mean` at hand.
        inputs, outputs: further ones, (name, shape) each; of an output its type behind them, where
            it is none of floats.

    Returns:
        str.
    """
    axes = [axis for axis in (1, 2, 3) if axis != channels]
    batch = shape[0]
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["floats"], ["mean"], axes=axes, keepdims=0),
            helper.make_node("Gemm", ["mean", "kernel", "bias"], ["logits"]),
            *nodes,
        ],
        "mean_colour",
        [_value("image", type_, shape), *(_value(name, 1, s) for name, s in inputs)],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, classes]),
            *(_value(name, *(type_ or [1]), s) for name, s, *type_ in outputs),
        ],
        [
            numpy_helper.from_array(KERNEL[:, :classes].copy(), "kernel"),
            numpy_helper.from_array(BIAS[:classes].copy(), "bias"),
        ],
    )
    opset = [helper.make_opsetid("", 13), helper.make_opsetid("own.ops", 1)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.save(model, str(path))
    return str(path)


def _value(name, type_, shape):
    return helper.make_tensor_value_info(name, type_, list(shape))
