"""The converter's refusals in one readable sentence."""

import keras
import pytest

from keras_kd.export import to_tflite
from keras_kd.export.conversion import float_tensors


def test_an_operation_without_any_kernel_is_named(tmp_path):
    image = keras.Input((4, 4, 1))
    x = keras.ops.sinh(keras.layers.Flatten()(image))
    with pytest.raises(ValueError, match=r"Received: tf\.Sinh.*Replace the operation"):
        to_tflite(keras.Model(image, x), tmp_path / "f.tflite", "float32")
    assert not list(tmp_path.iterdir())


def test_float_tensors_of_a_file_and_of_its_bytes(exported):
    path, _ = exported("float32")
    assert float_tensors(path.read_bytes()) == float_tensors(str(path)) != []
