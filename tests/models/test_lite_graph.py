"""What stands behind the logits of TFLite files, in whatever numbers."""

import json
import zipfile

import keras
import pytest
import tensorflow as tf
from tflite_files import CLASSES, ending_in, network, write

from keras_kd.models.lite_module import LiteModule

ENDS = {
    "linear": tf.identity,
    "softmax": tf.nn.softmax,
    "sigmoid": tf.nn.sigmoid,
    "log_softmax": tf.nn.log_softmax,
}


@pytest.mark.parametrize("type_", [None, tf.uint8])
@pytest.mark.parametrize("name", ENDS)
def test_what_stands_behind_the_logits(tmp_path, name, type_):
    path = write(tmp_path / "a.tflite", ending_in(ENDS[name]), type_)
    layer = LiteModule(path)
    assert layer.shown == name and (layer.step > 0) == (type_ is not None)


def pairs(z):
    return tf.reshape(tf.nn.softmax(tf.reshape(z, (-1, 2, 2))), (-1, CLASSES))


@pytest.mark.parametrize("end", [pairs, tf.nn.relu, lambda z: tf.nn.softmax(z) / 2])
def test_what_cannot_be_told(tmp_path, end):
    assert LiteModule(write(tmp_path / "a.tflite", ending_in(end))).shown == ""


def test_behind_a_reshape(tmp_path):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(CLASSES, 8)(inputs)
    model = keras.Model(inputs, keras.layers.Flatten()(keras.layers.Softmax()(x)))
    assert LiteModule(write(tmp_path / "a.tflite", model, batch=1)).shown == "softmax"


def test_what_a_file_of_ours_says_of_itself_counts_first(tmp_path):
    path = write(tmp_path / "a.tflite", network())
    for output, shown in (("probabilities", "softmax"), ("logits", "linear")):
        with open(path, "rb") as file:
            content = file.read()
        (tmp_path / f"{output}.tflite").write_bytes(content)
        with zipfile.ZipFile(tmp_path / f"{output}.tflite", "a") as archive:
            archive.writestr("preprocess.json", json.dumps({"output": output}))
        assert LiteModule(tmp_path / f"{output}.tflite").shown == shown
