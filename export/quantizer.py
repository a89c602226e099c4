"""TensorFlow's quantiser, step by step: measured ranges in, a file of integers out.

`tf.lite.TFLiteConverter` does all in one call. Three things need its steps: the range of the input
is known and not measured, some operations stay in float, and the error of each layer is asked for.
`mlir_quantize` and `_experimental_calibrate_only` are TensorFlow's own; the debugger of
`tf.lite.experimental` uses them in the same way.
"""

import re
import warnings

import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from keras_kd.export import lite_file

INPUT_RANGE = (-1.0, 1.0)
# Signs of a norm whose statistics are those of each image: nothing else divides by a deviation.
STATISTICS = {"RSQRT", "SQRT"}
# What such norms are made of, and the additions between them.
NORM = ("ADD", "DIV", "MEAN", "MUL", "NEG", "POW", "RSQRT", "SQRT", "SQUARE",
        "SQUARED_DIFFERENCE", "SUB", "SUM")  # fmt: skip
VERIFY = "NumericVerify"
STEPS = 255.0  # of eight bits


def measure_only(converter):
    """Makes a converter stop when the ranges of activations are measured."""
    converter._experimental_calibrate_only = True


def with_input_range(measured):
    """A measured file whose input spans [-1, 1], whatever the measured images did."""
    model = lite_file.parsed(measured)
    graph = model.subgraphs[0]
    for index in graph.inputs:
        own = graph.tensors[index].quantization or schema.QuantizationParametersT()
        own.min, own.max = ([value] for value in INPUT_RANGE)
        graph.tensors[index].quantization = own
    return lite_file.packed(model)


def has_norms(measured):
    """Whether a network measures each image: group, layer or instance norms, say."""
    return bool(STATISTICS & lite_file.operators(measured).keys())


def quantised(measured, io="int8", floats=(), verify=False, nodes=()):
    """The bytes of a file of integers.

    Args:
        measured: bytes of a file with measured ranges.
        io: type of its input and output: "int8", "uint8" or "float32".
        floats: kinds of operators that stay in float32.
        verify: whether to add operators that compare each layer with itself in float32.
        nodes: names of tensors whose operators stay in float32.

    Returns:
        bytes.
    """
    from tensorflow.lite.python.convert import mlir_quantize

    return mlir_quantize(
        measured,
        input_data_type=tf.as_dtype(io),
        output_data_type=tf.as_dtype(io),
        enable_numeric_verify=verify,
        denylisted_ops=set(floats) or None,
        denylisted_nodes=set(nodes) or None,
        # Else large dense layers need an operator of 2025's runtimes.
        disable_per_channel_for_dense_layers=True,
    )


def layer_errors(measured, images, floats=(), nodes=()):
    """How much each layer loses in integers, fed with what it gets there.

    Args:
        measured: bytes of a file with measured ranges.
        images: float32 `[N, H, W, C]` in [-1, 1].
        floats: kinds of operators that stay in float32.
        nodes: names of tensors whose operators stay in float32.

    Returns:
        dict: name of a layer's tensor -> root mean square of the error, in quantisation steps of
        it, at most 255; 0.29 is that of rounding.
    """
    content = quantised(measured, "float32", floats, verify=True, nodes=nodes)
    with warnings.catch_warnings():
        # Only TensorFlow's own interpreter knows the operators that compare.
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    compared = _compared(interpreter)
    squares = dict.fromkeys(compared, 0.0)
    (given,) = interpreter.get_input_details()
    for image in images:
        interpreter.set_tensor(given["index"], image[None])
        interpreter.invoke()
        for name, (index, step) in compared.items():
            # No number, as of 1 / sqrt(0), is as wrong as can be.
            steps = np.nan_to_num(interpreter.get_tensor(index) / step, nan=STEPS)
            squares[name] += float(np.mean(np.square(np.clip(steps, -STEPS, STEPS))))
    return {name: (total / len(images)) ** 0.5 for name, total in squares.items()}


def _compared(interpreter):
    """Name of a layer's tensor -> (index of its errors, its quantisation step)."""
    details = {one["index"]: one for one in interpreter.get_tensor_details()}
    found = {}
    for index, one in details.items():
        name, _, source = one["name"].rpartition(":")
        if name.startswith(VERIFY) and source.isdigit():
            scales = details[int(source)]["quantization_parameters"]["scales"]
            # A digit at its end is one that the converter appended.
            found[re.sub(r"\d$", "", name[len(VERIFY) + 1 :])] = index, float(scales[0])
    return found
