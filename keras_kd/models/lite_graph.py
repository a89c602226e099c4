"""What a TFLite file's graph shows of its answers, without running it."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

OPERATIONS = schema.BuiltinOperator
SQUASHING = {
    OPERATIONS.SOFTMAX: "softmax",
    OPERATIONS.LOG_SOFTMAX: "log_softmax",
    OPERATIONS.LOGISTIC: "sigmoid",
}
# What leaves values alone, up to rounding.
TRANSPARENT = (
    OPERATIONS.QUANTIZE, OPERATIONS.DEQUANTIZE, OPERATIONS.RESHAPE, OPERATIONS.SQUEEZE,
    OPERATIONS.EXPAND_DIMS, OPERATIONS.CAST,
)  # fmt: skip
# What gives numbers of any size, if no activation is fused into it.
LINEAR = {
    OPERATIONS.FULLY_CONNECTED: schema.FullyConnectedOptions,
    OPERATIONS.CONV_2D: schema.Conv2DOptions,
}


def shown_activation(content, tensor, units):
    """What stands behind the logits of a file.

    Args:
        content: bytes of a TFLite file.
        tensor: number of the tensor of its answers.
        units: numbers that it gives for an image, K.

    Returns:
        "softmax", "log_softmax", "sigmoid", or "linear" for nothing; empty where that cannot be
        told.
    """
    model = schema.Model.GetRootAsModel(content, 0)
    graph = model.Subgraphs(0)
    made_by = {}
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        made_by |= {int(output): operator for output in operator.OutputsAsNumpy()}
    while operator := made_by.get(tensor):
        code = _code(model, operator)
        if code not in TRANSPARENT:
            return _told(code, operator, graph.Tensors(tensor), units)
        tensor = int(operator.Inputs(0))
    return ""


def _code(model, operator):
    code = model.OperatorCodes(operator.OpcodeIndex())
    # Old codes are bytes, those from 127 on stand in the second field.
    return max(code.BuiltinCode(), code.DeprecatedBuiltinCode())


def _told(code, operator, output, units):
    if code in LINEAR:
        options, table = LINEAR[code](), operator.BuiltinOptions()
        if table is None:
            return ""
        options.Init(table.Bytes, table.Pos)
        plain = options.FusedActivationFunction() == schema.ActivationFunctionType.NONE
        return "linear" if plain else ""
    kind = SQUASHING.get(code, "")
    # A softmax is over the last axis, which may be less than all classes.
    whole = kind == "sigmoid" or int(np.ravel(output.ShapeAsNumpy())[-1]) == units
    return kind if whole else ""
