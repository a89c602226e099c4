"""Two weights in a byte, and nothing else changed."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from rounded import pictures, varied
from shrunk import residual

from keras_kd.export import few_bits, int4_weights, lite_file
from keras_kd.models import quantize_aware
from keras_kd.models.wrap.unquantize import kernels

SHAPE = (8, 8, 3)


@pytest.fixture(scope="module", params=[4, 2])
def files(request):
    """(model, its int8 file, the packed one) of a network in few bits."""
    model = quantize_aware(varied(residual(), SHAPE), request.param, images=pictures(32, SHAPE))
    content = few_bits.converted(model, None, "int8", "logits")
    return model, content, int4_weights.packed(content)


def run(content, images):
    """Whole numbers that the plain kernels answer, which run int8 and int4 alike."""
    resolver = OpResolverType.BUILTIN_REF
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    (given,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for image in images:
        whole = np.clip(np.round(image[None] * 127), -128, 127).astype(np.int8)
        interpreter.set_tensor(given["index"], whole)
        interpreter.invoke()
        found.append(interpreter.get_tensor(answer["index"])[0])
    return np.array(found)


def unpacked(content):
    """dict from the shape of each int4 tensor to its whole numbers, sorted."""
    model, found = lite_file.parsed(content), {}
    for tensor in model.subgraphs[0].tensors:
        if tensor.type == schema.TensorType.INT4:
            data = np.asarray(model.buffers[tensor.buffer].data, np.uint8)
            halves = np.stack([data & 15, data >> 4], 1).ravel().astype(int)
            found[tuple(tensor.shape)] = np.where(halves > 7, halves - 16, halves).reshape(
                tensor.shape
            )
    return found


def test_they_answer_the_same(files):
    _, content, (packed, count) = files
    assert count == 2  # the first convolution and the classifier keep 8 bits
    x = pictures(24, SHAPE, seed=1)
    np.testing.assert_array_equal(run(content, x), run(packed, x))
    assert len(np.unique(run(content, x), axis=0)) > 20


def test_the_whole_numbers_are_those_of_the_model(files):
    model, _, (packed, _) = files
    inside = unpacked(packed)
    for layer in kernels(model):
        if layer.bits <= 4:
            whole, _ = layer.whole()
            expected = np.transpose(np.asarray(whole), (3, 0, 1, 2))  # files keep filters first
            np.testing.assert_array_equal(inside.pop(expected.shape), expected)
            assert np.abs(expected).max() == 2 ** (layer.bits - 1) - 1
    assert not inside


def test_versions_are_those_of_kernels_that_run_it(files):
    _, content, (packed, _) = files
    before, after = lite_file.operators(content), lite_file.operators(packed)
    assert before["CONV_2D"] < 7 == after["CONV_2D"]
    assert lite_file.runtime_version(packed) == "2.11.0"
    halves = sum(array.size for array in unpacked(packed).values()) // 2
    assert 0.5 * halves < len(content) - len(packed) <= halves


def test_another_implementation_finds_the_same_whole_numbers(files, tmp_path):
    """litert-quantizer recovers the grids from the file of floats."""
    quantizer = pytest.importorskip("litert_quantizer.quantizer")
    from litert_quantizer.qtyping import TFLOperationName

    from keras_kd.export import to_tflite

    model, _, (packed, _) = files
    to_tflite(model, tmp_path / "f.tflite", "float32")
    other = quantizer.Quantizer(str(tmp_path / "f.tflite"))
    recovery = quantizer.AlgorithmName.DEQUANTIZED_WEIGHT_RECOVERY
    other.add_weight_only_config(
        "(inner|outer)", TFLOperationName.CONV_2D, 4, algorithm_key=recovery
    )
    content = bytes(other.quantize().quantized_model)
    ours, theirs = unpacked(packed), unpacked(content)
    assert ours.keys() == theirs.keys() and len(ours) == 2
    for shape, whole in ours.items():
        np.testing.assert_array_equal(whole, theirs[shape])


def test_a_file_without_small_numbers_stays():
    eight = quantize_aware(varied(residual(), SHAPE), 8, images=pictures(8, SHAPE))
    content = few_bits.converted(eight, None, "int8", "logits")
    packed, count = int4_weights.packed(content)
    assert count == 0 and lite_file.operators(packed) == lite_file.operators(content)
    assert len(packed) == pytest.approx(len(content), rel=0.02)
