"""TFLite files: the Keras logits, sizes, and the proof that int8 is int8 throughout."""

import logging

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from keras_kd.export import files, tflite, to_tflite


def run(path, images):
    """Logits by the bare interpreter, float models only."""
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    answers = []
    for image in images:
        interpreter.set_tensor(source, image[None])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(target)[0])
    return np.array(answers)


# float16 keeps 11 bits of each weight; dynamic int8 keeps 8 of weights and activations.
@pytest.mark.parametrize(("name", "tolerance"), [("float32", 1e-4), ("float16", 1e-2)])
def test_logits_are_the_keras_logits(lite_files, batch_norm_net, images, name, tolerance):
    expected = batch_norm_net(images, training=False).numpy()
    np.testing.assert_allclose(run(lite_files[name][0], images), expected, atol=tolerance)


def test_results_tell_format_and_bytes(lite_files):
    for name, (path, result) in lite_files.items():
        assert result["format"] == name and result["bytes"] == path.stat().st_size
        assert result["fallback"] is None and result["float_tensors"] == []
        assert result["fully_quantized"] == (name == "int8")


def test_weights_shrink(tmp_path):
    image = keras.Input((4, 4, 1))
    x = keras.layers.Dense(256)(keras.layers.Flatten()(image))
    model = keras.Model(image, keras.layers.Dense(256)(x))  # 70 k weights, 280 kB in float32
    sizes = {
        name: to_tflite(model, tmp_path / name, name)["bytes"]
        for name in ("float32", "float16", "dynamic")
    }
    assert 0.49 < sizes["float16"] / sizes["float32"] < 0.53
    assert 0.25 < sizes["dynamic"] / sizes["float32"] < 0.29


def test_int8_is_int8_throughout(lite_files):
    interpreter = Interpreter(model_path=str(lite_files["int8"][0]))
    assert interpreter.get_input_details()[0]["dtype"] == np.int8
    assert interpreter.get_output_details()[0]["dtype"] == np.int8
    types = {tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    assert types <= {np.int8, np.int32, np.int64}


def with_sine():
    """A network with a sine, which has a float kernel and no int8 one."""
    image = keras.Input((4, 4, 1))
    x = keras.ops.sin(keras.layers.Flatten()(image))
    return keras.Model(image, keras.layers.Dense(2)(x))


def test_what_stays_in_float_is_reported(tmp_path, caplog):
    model = with_sine()
    calibration = np.random.default_rng(0).uniform(-1, 1, (8, 4, 4, 1)).astype(np.float32)
    with caplog.at_level(logging.WARNING, logger="keras_kd.export.tflite"):
        result = to_tflite(model, tmp_path / "f.tflite", "int8", representative=[calibration])
    assert not result["fully_quantized"] and result["float_tensors"]
    assert "float32" in result["fallback"]
    assert "not int8 throughout" in caplog.text and result["float_tensors"][0] in caplog.text
    assert any("sin" in name.lower() for name in result["float_tensors"])
    # In and out stay int8 all the same.
    details = Interpreter(model_path=str(tmp_path / "f.tflite")).get_input_details()
    assert details[0]["dtype"] == np.int8


def test_a_refused_int8_conversion_falls_back_and_says_why(tmp_path, monkeypatch):
    real, tried = tflite._convert, []

    def refuse_integers_only(*args, floats_allowed):
        tried.append(floats_allowed)
        if not floats_allowed:
            raise RuntimeError("error: 'tf.Odd' op is neither a custom op nor a flex op")
        return real(*args, floats_allowed=floats_allowed)

    monkeypatch.setattr(tflite, "_convert", refuse_integers_only)
    calibration = np.random.default_rng(0).uniform(-1, 1, (8, 4, 4, 1)).astype(np.float32)
    result = to_tflite(with_sine(), tmp_path / "f", "int8", representative=[calibration])
    assert tried == [False, True] and not result["fully_quantized"]
    assert "tf.Odd" in result["fallback"]


def test_an_operation_without_any_kernel_is_named(tmp_path):
    image = keras.Input((4, 4, 1))
    x = keras.ops.sinh(keras.layers.Flatten()(image))
    with pytest.raises(ValueError, match=r"Received: tf\.Sinh.*Replace the operation"):
        to_tflite(keras.Model(image, x), tmp_path / "f.tflite", "float32")
    assert not list(tmp_path.iterdir())


def test_mistakes_are_named(tmp_path, batch_norm_net, images):
    path = tmp_path / "f.tflite"
    with pytest.raises(ValueError, match=r"Received: format='flaot32'. Did you mean 'float32'\?"):
        to_tflite(batch_norm_net, path, "flaot32")
    with pytest.raises(ValueError, match="Received: representative=None"):
        to_tflite(batch_norm_net, path, "int8")
    with pytest.raises(ValueError, match="Received: representative=empty"):
        to_tflite(batch_norm_net, path, "int8", representative=[])
    with pytest.raises(ValueError, match=r"Received: an array of shape \[16, 6, 12, 3\]"):
        to_tflite(batch_norm_net, path, "int8", representative=[images[:, ::2]])
    with pytest.raises(ValueError, match=r"Expected representative images in \[-1, 1\]"):
        to_tflite(batch_norm_net, path, "int8", representative=[images * 127])
    assert not path.exists()


def test_a_full_disk_leaves_the_previous_file(tmp_path, monkeypatch):
    path = files.write_bytes(tmp_path / "f.tflite", b"old")

    def full_disk(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        files.write_bytes(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
