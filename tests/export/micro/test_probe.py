"""What TFLM says, read as it says it."""

import pytest

from keras_kd.export.micro import probe


@pytest.mark.parametrize(
    ("told", "operator", "number"),
    [
        ("Didn't find op for builtin opcode 'SIGN'\nFailed to get registration", "SIGN", None),
        ("x.cc:42 type was not true.\nNode DEQUANTIZE (number 3) failed to prepare with status 1",
         "DEQUANTIZE", 3),
        ("Failed to resize buffer. Requested: 192, available 32, missing: 160", "", None),
        ("", "", None),
    ],
)  # fmt: skip
def test_refusals_are_read(told, operator, number):
    refused = probe._refusal(told)
    assert (refused.operator, refused.number) == (operator, number) and refused.told


def test_a_file_that_is_none_is_refused_though_its_process_dies():
    pytest.importorskip("tflite_micro")
    with pytest.raises(probe.Refused):
        probe.probe(b"no model at all")
