"""Names of C and of TFLM, as their own headers have them, and texts as C reads them."""

import ast

import numpy as np
import pytest

from keras_kd.export.micro import code


def test_methods_are_those_of_tflms_resolver():
    """Names from micro_mutable_op_resolver.h."""
    of = {
        "CONV_2D": "AddConv2D", "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
        "FULLY_CONNECTED": "AddFullyConnected", "MEAN": "AddMean", "MAX_POOL_2D": "AddMaxPool2D",
        "L2_NORMALIZATION": "AddL2Normalization", "RELU6": "AddRelu6", "HARD_SWISH": "AddHardSwish",
        "SPACE_TO_BATCH_ND": "AddSpaceToBatchNd", "SPLIT_V": "AddSplitV", "PADV2": "AddPadV2",
        "CUMSUM": "AddCumSum", "BATCH_MATMUL": "AddBatchMatMul", "SQRT": "AddSqrt",
        "RESIZE_NEAREST_NEIGHBOR": "AddResizeNearestNeighbor", "SUB": "AddSub",
    }  # fmt: skip
    assert {operator: code.method_of(operator) for operator in of} == of


def test_texts_of_c_are_one_line_of_ascii():
    for text in ('a "quoted\\" name', "göteborg ??= 1", "two\nlines"):
        literal = code.in_c(text)
        # Python reads these literals as C does, byte for byte.
        assert ast.literal_eval("b" + literal).decode() == text.replace("\n", " ")
        assert "??" not in literal and "\n" not in literal and literal.isascii()


def test_pixels_of_floats_span_the_range():
    table = code.pixel_table({"type": "float32"})
    values = np.array([float(one.rstrip("f")) for one in table], np.float32)
    np.testing.assert_array_equal(values, np.arange(256, dtype=np.float32) / np.float32(127.5) - 1)
    assert all("." in one or "e" in one for one in table)


def test_a_folder_without_the_array_is_refused(tmp_path):
    (tmp_path / "student.c").write_text("int nothing;")
    (tmp_path / "student.h").write_text("#define STUDENT_MODEL_BYTES 12\n")
    with pytest.raises(ValueError, match=r"with 0 bytes of it\. Export it again"):
        code.array_in(tmp_path)
