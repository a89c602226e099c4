"""Folders with a version, as TensorFlow Serving watches them, and what it is asked."""

import base64
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

from keras_kd.export import to_saved_model
from keras_kd.export.serving import add_version


def test_each_export_is_the_next_version(tmp_path):
    model = tmp_path / "model"
    (model / "variables").mkdir(parents=True)
    (model / "saved_model.pb").write_text("one")
    first = add_version(model, tmp_path / "serving")
    assert first == tmp_path / "serving" / "student" / "1"
    (model / "saved_model.pb").write_text("two")
    second = add_version(model, tmp_path / "serving")
    assert second.name == "2" and (second / "variables").is_dir()
    assert [(path / "saved_model.pb").read_text() for path in (first, second)] == ["one", "two"]
    (first.parent / "notes").mkdir()  # other folders are no versions
    assert add_version(model, tmp_path / "serving").name == "3"


@pytest.fixture(scope="module")
def served(tmp_path_factory, batch_norm_net):
    """Version 1 of a student with names, as a server finds it."""
    folder = tmp_path_factory.mktemp("serving")
    names = [f"kind {number}" for number in range(batch_norm_net.output_shape[-1])]
    to_saved_model(batch_norm_net, folder / "model", names)
    return add_version(folder / "model", folder / "serving")


def documented_body(folder, images):
    """The JSON that the guide's command sends, as a shell makes it, for each image in turn."""
    guide = (Path(__file__).parents[2] / "docs" / "guide.md").read_text("utf-8")
    command = re.search(r"^curl http.*?^```", guide, re.M | re.S)[0].removesuffix("```")
    assert "/v1/models/student:predict" in command
    fake = folder / "curl"
    fake.write_text("#!/bin/sh\nprintf '%s' \"$3\"\n")
    fake.chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    instances = []
    for image in images:
        (folder / "photo.jpg").write_bytes(image)
        made = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, check=True
        )
        body = json.loads(made.stdout)
        instances += body["instances"]
    return {**body, "instances": instances}


def tensors_of(body, signature):
    """What a server makes of a request in rows: a batch for each input of the signature.

    As TensorFlow Serving's RESTful API says: an instance names every input; `{"b64": ...}` stands
    for bytes; values of all instances are put in a row, of the input's own type.
    """
    found = {}
    for name, info in signature.inputs.items():
        assert all(instance.keys() == signature.inputs.keys() for instance in body["instances"])
        values = [instance[name] for instance in body["instances"]]
        if info.dtype == tf.string.as_datatype_enum:
            values = [base64.b64decode(value["b64"], validate=True) for value in values]
        found[name] = tf.constant(values, tf.as_dtype(info.dtype))
        tf.TensorShape(info.tensor_shape).assert_is_compatible_with(found[name].shape)
    return found


def picture(seed, kind):
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 30, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.skipif(shutil.which("bash") is None, reason="the guide's command is one of a shell")
def test_the_request_of_the_guide_is_what_the_signature_takes(tmp_path, served):
    images = [picture(0, "JPEG"), picture(1, "PNG"), b"no image"]
    body = documented_body(tmp_path, images)
    graph = saved_model_pb2.SavedModel.FromString((served / "saved_model.pb").read_bytes())
    signature = graph.meta_graphs[0].signature_def[body["signature_name"]]
    assert graph.meta_graphs[0].meta_info_def.tags == ["serve"]
    assert signature.method_name == "tensorflow/serving/predict"
    # Without Python's own wrapping: a session is fed and fetches by name, as the server does.
    given = tensors_of(body, signature)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.saved_model.load(session, ["serve"], str(served))
        feed = {signature.inputs[name].name: value for name, value in numbers(given).items()}
        fetch = {name: info.name for name, info in signature.outputs.items()}
        answer = session.run(fetch, feed)
    # Rows in, rows out: the server splits each output into instances.
    assert {len(values) for values in answer.values()} == {len(images)}
    assert answer["ok"].tolist() == [True, True, False]
    assert answer["class"].tolist()[:2] == answer["logits"].argmax(-1).tolist()[:2]
    assert answer["class_name"][0] == f"kind {answer['class'][0]}".encode()
    assert answer["error"][2].startswith(b"image 2 is no whole")
    # The server writes strings of outputs whose name ends so in base64, and others as text.
    assert not [name for name in answer if name.endswith("_bytes")]
    expected = tf.saved_model.load(str(served)).signatures["serve_bytes"](bytes=tf.constant(images))
    np.testing.assert_allclose(answer["logits"], expected["logits"], atol=1e-6)


def numbers(tensors):
    """Tensors of eager TensorFlow as NumPy arrays, which a session can be fed."""
    return {name: value.numpy() for name, value in tensors.items()}
