"""TFLite with weights of 4 bits: as they were trained, or rounded afterwards, which is told."""

import numpy as np
import pytest
from rounded import pictures, varied
from shrunk import residual

from keras_kd.export import check_formats, formats, lite_file, to_tflite, verify
from keras_kd.models import quantize_aware

SHAPE = (8, 8, 3)


def test_a_student_that_was_trained_so(tmp_path):
    student = quantize_aware(varied(residual(), SHAPE), 4, images=pictures(32, SHAPE))
    facts = {}
    for name in ("int8", "int4", "float32"):
        facts[name] = to_tflite(student, tmp_path / name, name, class_names=["a", "b", "c"])
    assert facts["int4"]["trained_bits"] and facts["int4"]["fully_quantized"]
    assert facts["int4"]["runtime"] == "2.11.0"
    assert facts["int4"]["bytes"] < facts["int8"]["bytes"] < facts["float32"]["bytes"]
    assert lite_file.labels(tmp_path / "int4") == ["a", "b", "c"]
    for name, share in (("int8", 1.0), ("int4", 0.95), ("float32", 0.9)):
        checked = verify(student, tmp_path / name, [pictures(40, SHAPE, seed=3)])
        assert checked["agreement_with_keras"] >= share, name
    assert "no float tensor at all" in formats.get("int4").remarks(facts["int4"])


def test_a_student_in_floats_is_rounded_and_told(tmp_path):
    student = varied(residual(), SHAPE)
    facts = to_tflite(student, tmp_path / "f", "int4", representative=[pictures(32, SHAPE)])
    assert facts["trained_bits"] is False and facts["fully_quantized"]
    assert "rounded to 4 bits after training" in formats.get("int4").remarks(facts)[-1]
    with pytest.raises(ValueError, match="images for int4"):
        to_tflite(student, tmp_path / "f", "int4")


@pytest.mark.parametrize("io", ["uint8", "float32"])
def test_numbers_in_and_out(tmp_path, io):
    student = quantize_aware(varied(residual(), SHAPE), 4, images=pictures(32, SHAPE))
    facts = to_tflite(student, tmp_path / "f", "int4", io=io, output="probabilities")
    assert facts["fully_quantized"] and facts["io"] == io
    answers = formats.get("int4").open(tmp_path / "f")(pictures(4, SHAPE))
    np.testing.assert_allclose(answers.sum(-1), 1, atol=0.02)


def test_it_is_written_on_request():
    assert "int4" not in check_formats() and check_formats(["int4"]) == ["int4"]
