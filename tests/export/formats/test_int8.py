"""TFLite in integers: int8 throughout, proved by its tensors, or it says what is not."""

import logging

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from keras_kd.export import conversion, formats, to_tflite, verify
from keras_kd.export.runners import LiteRunner


def test_int8_is_int8_throughout(exported):
    interpreter = Interpreter(model_path=str(exported("int8")[0]))
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
    with caplog.at_level(logging.WARNING, logger="keras_kd.export.formats.int8"):
        result = to_tflite(model, tmp_path / "f.tflite", "int8", representative=[calibration])
    assert not result["fully_quantized"] and result["float_tensors"]
    assert "float32" in result["fallback"]
    assert "not int8 throughout" in caplog.text and result["float_tensors"][0] in caplog.text
    assert any("sin" in name.lower() for name in result["float_tensors"])
    # In and out stay int8 all the same.
    details = Interpreter(model_path=str(tmp_path / "f.tflite")).get_input_details()
    assert details[0]["dtype"] == np.int8


def test_a_refused_int8_conversion_falls_back_and_says_why(tmp_path, monkeypatch):
    import tensorflow as tf

    real, tried = conversion.convert_or_fail, []

    def refuse_integers_only(model, resolution, set_up, output="logits"):
        def noted(converter):
            set_up(converter)
            tried.append(list(converter.target_spec.supported_ops))

        if tried:
            return real(model, resolution, noted)
        real(model, resolution, noted)
        raise conversion.ConversionFailed("tf.Odd")

    monkeypatch.setattr(conversion, "convert_or_fail", refuse_integers_only)
    calibration = np.random.default_rng(0).uniform(-1, 1, (8, 4, 4, 1)).astype(np.float32)
    result = to_tflite(with_sine(), tmp_path / "f", "int8", representative=[calibration])
    integers, floats = tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS
    assert tried == [[integers], [integers, floats]] and not result["fully_quantized"]
    assert "tf.Odd" in result["fallback"] and result["float_tensors"]
    assert "tf.Odd" in formats.get("int8").remarks(result)[0]


def test_the_file_is_the_quantised_student(exported, images, batch_norm_net):
    """Difference within a few steps of the output's own scale; the scale is read, not assumed."""
    path, facts = exported("int8")
    assert facts["fully_quantized"] and facts["fallback"] is None and facts["float_tensors"] == []
    runner = LiteRunner(path)
    scale, zero = runner.interpreter.get_output_details()[0]["quantization"]
    steps = runner(images) / scale + zero
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    result = verify(batch_norm_net, path, [images])
    assert 0 < result["max_abs_logit_difference"] < 8 * scale
    assert runner(np.full((1, 12, 12, 3), 9.0)) == pytest.approx(runner(np.ones((1, 12, 12, 3))))


def test_a_run_calibrates_on_its_training_images(finished_run, student_of_run, monkeypatch):
    from keras_kd.export import calibration, export

    real, seen = calibration.checked_images, []

    def noted(*args):
        seen.append(real(*args))
        return seen[-1]

    monkeypatch.setattr(calibration, "checked_images", noted)
    facts = export(finished_run, ["int8"])["int8"]
    assert facts["fully_quantized"] and facts["float_tensors"] == []
    assert seen[0].shape == (20, 12, 12, 1)  # config.export.calibration_images


def test_the_nearest_name_of_a_typo():
    with pytest.raises(ValueError, match=r"Received: format='int9'\. Did you mean 'int8'\?"):
        formats.check_formats(["int9"])


def test_mistakes_are_named(tmp_path, batch_norm_net, images):
    path = tmp_path / "f.tflite"
    with pytest.raises(ValueError, match=r"images for int8.*Received: representative=None"):
        to_tflite(batch_norm_net, path, "int8")
    with pytest.raises(ValueError, match=r"Received: an array of shape \[16, 6, 12, 3\]"):
        to_tflite(batch_norm_net, path, "int8", representative=[images[:, ::2]])
    assert not path.exists()
