"""ONNX: the student's own answers for batches of any size, labels inside, and what is refused."""

import json

import keras
import numpy as np
import pytest

from keras_kd.export import formats
from keras_kd.export.options import Options

onnx = pytest.importorskip("onnx")
pytest.importorskip("tf2onnx")
onnxruntime = pytest.importorskip("onnxruntime")
NAMES = ["tench", "<script>alert(1)</script>", "göteborg & co"]


def test_the_answers_are_the_students_in_batches_of_any_size(exported, batch_norm_net, images):
    path, facts = exported("onnx")
    session = onnxruntime.InferenceSession(str(path))
    assert [one.name for one in session.get_inputs() + session.get_outputs()] == ["image", "logits"]
    logits = batch_norm_net(images, training=False).numpy()
    for some in (images, images[:1], images[3:8]):
        told = session.run(None, {"image": some})[0]
        expected = logits[[np.flatnonzero((images == one).all((1, 2, 3)))[0] for one in some]]
        np.testing.assert_allclose(told, expected, atol=1e-5)
    assert facts["opset"] == 17
    onnx.checker.check_model(str(path), full_check=True)


def test_labels_and_preparation_are_metadata_properties(exported):
    told = {one.key: one.value for one in onnx.load(exported("onnx")[0]).metadata_props}
    assert json.loads(told["labels"]) == NAMES
    how = json.loads(told["preprocess.json"])
    assert (how["height"], how["width"], how["channels"]) == (12, 12, "RGB")
    assert how["scale"] == 1 / 127.5 and how["output"] == "logits"


def test_probabilities_where_they_are_asked_for(tmp_path, batch_norm_net, images):
    path = tmp_path / "student.onnx"
    kind = formats.get("onnx")
    kind.write(batch_norm_net, path, options=Options(output="probabilities"))
    runner = kind.open(path)
    assert runner.output == "probabilities"
    np.testing.assert_allclose(
        runner(images),
        keras.ops.softmax(batch_norm_net(images, training=False)).numpy(),
        atol=1e-6,
    )
    checked = kind.verify(batch_norm_net, path, [images])
    assert checked["max_abs_probability_difference"] < 1e-5


def test_an_operation_that_onnx_has_not_is_named_with_its_layer(tmp_path):
    import tensorflow as tf

    image = keras.Input((4, 4, 1))
    x = keras.layers.Lambda(tf.math.bessel_i0e, name="odd")(image)
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    with pytest.raises(ValueError, match=r"that ONNX has\. Received: .*BesselI0e.*odd"):
        formats.get("onnx").write(model, tmp_path / "student.onnx")
    assert not (tmp_path / "student.onnx").exists()


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "f.onnx").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"Expected an ONNX file\. Received: path="):
        formats.get("onnx").open(tmp_path / "f.onnx")
