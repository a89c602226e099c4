"""Weights of 4 bits in a TFLite file, two in a byte."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_kd.export import lite_file

LARGEST = 7
# Operators that take such weights, and the version of each that does.
VERSIONS = {
    schema.BuiltinOperator.CONV_2D: 7,
    schema.BuiltinOperator.FULLY_CONNECTED: 10,
}
RUNTIME = b"2.11.0"  # of TensorFlow Lite, that has these versions
FILTER = 1  # place among an operator's inputs


def packed(content):
    """A file of integers whose weights of 4 bits and less take half a byte.

    Steps, ranges and every number stay as they are.

    Args:
        content: bytes of a file of 8-bit integers.

    Returns:
        (bytes, how many operators have such weights).
    """
    model, found = lite_file.parsed(content), 0
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            if code.builtinCode in VERSIONS and _pack(
                model, graph.tensors[operator.inputs[FILTER]]
            ):
                operator.opcodeIndex = _code(model, code.builtinCode)
                found += 1
    if found:
        _set_runtime(model)
    return lite_file.packed(model), found


def _pack(model, tensor):
    """Makes an int8 tensor of small numbers int4; whether it is one now."""
    if tensor.type == schema.TensorType.INT4:
        return True  # another operator's too
    data = model.buffers[tensor.buffer].data
    if tensor.type != schema.TensorType.INT8 or data is None:
        return False
    values = np.asarray(data, np.uint8).view(np.int8)
    if np.abs(values.astype(int)).max(initial=0) > LARGEST:
        return False
    halves = np.append(values, np.zeros(len(values) % 2, np.int8)).view(np.uint8) & 15
    # The first of two in the lower half.
    model.buffers[tensor.buffer].data = halves[::2] | halves[1::2] << 4
    tensor.type = schema.TensorType.INT4
    return True


def _code(model, builtin):
    """Index of an operator in the version that takes such weights."""
    wanted = builtin, VERSIONS[builtin]
    known = [(code.builtinCode, code.version) for code in model.operatorCodes]
    if wanted not in known:
        code = schema.OperatorCodeT()
        code.builtinCode, code.version = wanted
        code.deprecatedBuiltinCode = builtin
        model.operatorCodes.append(code)
        known.append(wanted)
    return known.index(wanted)


def _set_runtime(model):
    for entry in model.metadata or []:
        if entry.name == lite_file.RUNTIME:
            model.buffers[entry.buffer].data = list(RUNTIME.ljust(16, b"\0"))
