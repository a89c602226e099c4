"""ONNX files as layers: the closed form, and what onnxruntime cannot run."""

import builtins

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx_files import logits_of, write

from keras_kd.models.onnx_module import OnnxModule, open_session


def images(count=3):
    return np.random.default_rng(0).uniform(-1, 1, (count, 6, 8, 3)).astype("float32")


@pytest.mark.parametrize(
    ("shape", "channels", "own"),
    [
        (("N", 3, "H", "W"), 1, (None, None, 3)),
        ((1, 3, 6, 8), 1, (6, 8, 3)),
        (("N", 6, 8, 3), 3, (6, 8, 3)),
        ((2, 6, 8, 3), 3, (6, 8, 3)),
    ],
)
def test_layouts_and_batches(tmp_path, shape, channels, own):
    layer = OnnxModule(write(tmp_path / "a.onnx", shape, channels))
    assert layer.image_shape == own and layer.value_range is None
    np.testing.assert_allclose(layer.answer(images()), logits_of(images()), atol=1e-5)


@pytest.mark.parametrize(
    ("type_", "tolerance"), [(TensorProto.FLOAT16, 2e-3), (TensorProto.DOUBLE, 1e-5)]
)
def test_other_floats(tmp_path, type_, tolerance):
    layer = OnnxModule(write(tmp_path / "a.onnx", type_=type_))
    np.testing.assert_allclose(layer.answer(images()), logits_of(images()), atol=tolerance)


def test_whole_pixels(tmp_path):
    layer = OnnxModule(write(tmp_path / "a.onnx", type_=TensorProto.UINT8))
    assert layer.value_range == (0, 255)
    pixels = np.round((images() + 1) * 127.5)
    found = layer.answer(pixels.astype("float32") + 0.3)
    np.testing.assert_allclose(found, logits_of(pixels), rtol=1e-5)


def test_a_file_that_is_cut_short(tmp_path):
    path = write(tmp_path / "a.onnx")
    content = (tmp_path / "a.onnx").read_bytes()
    for kept in (len(content) // 2, 10, 0):
        (tmp_path / "a.onnx").write_bytes(content[:kept])
        with pytest.raises(ValueError, match=r"must open in onnxruntime .*a\.onnx', which fails: "
                                             r".*If it was cut short, copy it again"):  # fmt: skip
            OnnxModule(path)


def test_an_operation_that_onnxruntime_lacks(tmp_path):
    node = helper.make_node("Unheard", ["mean"], ["other"], domain="own.ops")
    path = write(tmp_path / "a.onnx", nodes=[node], outputs=[("other", ("N", 3))])
    with pytest.raises(ValueError, match=r"Unheard.*older opset_version, or without its custom"):
        OnnxModule(path)


def test_words_are_no_images(tmp_path):
    with pytest.raises(ValueError, match=r"'image' of tensor\(int64\). Export it with floats"):
        OnnxModule(write(tmp_path / "a.onnx", type_=TensorProto.INT64))


@pytest.mark.parametrize("classes", [2, 4])
def test_a_label_beside_the_scores(tmp_path, classes):
    """As scikit-learn's and many exporters' files have it."""
    nodes = [helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=1)]
    outputs = [("label", ("N", 1), TensorProto.INT64)]
    path = write(tmp_path / "a.onnx", classes=classes, nodes=nodes, outputs=outputs)
    for output in ("", "logits"):
        layer = OnnxModule(path, output=output, num_classes=classes)
        np.testing.assert_allclose(
            layer.answer(images()), logits_of(images())[:, :classes], atol=1e-5
        )
    with pytest.raises(ValueError, match=r"'label' of tensor\(int64\)\. Export it with floats"):
        OnnxModule(path, output="label", num_classes=classes)


def test_without_onnxruntime(tmp_path, monkeypatch):
    path, real = write(tmp_path / "a.onnx"), builtins.__import__

    def missing(name, *args, **kwargs):
        if name == "onnxruntime":
            raise ImportError("No module named 'onnxruntime'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ValueError, match=r'run by onnxruntime.*pip install "keras-kd\[onnx\]"'):
        open_session(path)
