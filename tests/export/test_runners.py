"""Exported files behind a function from images to logits."""

import numpy as np
import pytest

from keras_kd.export import to_saved_model
from keras_kd.export.runners import LiteRunner, SavedModelRunner, dequantised, quantised


@pytest.mark.parametrize("threads", [1, 2])
def test_a_file_answers_a_batch_image_by_image(exported, batch_norm_net, images, threads):
    runner = LiteRunner(exported("float32")[0], threads)
    np.testing.assert_allclose(runner(images), batch_norm_net(images, training=False), atol=1e-4)
    assert runner.image_shape == (12, 12, 3) and runner.threads == threads
    assert runner.timed(images[:1]) > 0


def test_without_xnnpack_the_answers_are_the_same(exported, images):
    path = exported("float32")[0]
    plain, fast = LiteRunner(path, xnnpack=False), LiteRunner(path)
    np.testing.assert_allclose(plain(images), fast(images), atol=1e-5)
    # XNNPACK makes one operation of all that it runs.
    kinds = [
        {one["op_name"] for one in runner.interpreter._get_ops_details()}
        for runner in (plain, fast)
    ]
    assert ["DELEGATE" in names for names in kinds] == [False, True]


def test_a_saved_model_answers(tmp_path, batch_norm_net, images):
    to_saved_model(batch_norm_net, tmp_path / "m")
    runner = SavedModelRunner(tmp_path / "m")
    np.testing.assert_allclose(runner(images), batch_norm_net(images, training=False), atol=1e-4)
    assert runner.image_shape == (12, 12, 3) and runner.threads is None
    assert runner.timed(images[:1]) > 0


def test_numbers_become_integers_and_back_by_scale_and_zero_point():
    detail = {"dtype": np.int8, "quantization": (0.5, -3)}
    # -1 / 0.5 - 3 = -5; 0.2 / 0.5 = 0.4 rounds to 0; 100 / 0.5 - 3 is clipped to 127.
    assert quantised(np.array([-1.0, 0.2, 100.0]), detail).tolist() == [-5, -3, 127]
    assert dequantised(np.array([-5, -3, 127], np.int8), detail).tolist() == [-1.0, 0.0, 65.0]
    plain = {"dtype": np.float32, "quantization": (0.0, 0)}
    assert dequantised(quantised(np.array([0.3]), plain), plain).dtype == np.float32


def test_what_is_no_tflite_file_is_named(tmp_path):
    (tmp_path / "text.tflite").write_text("not a flatbuffer, but long enough to be looked at")
    with pytest.raises(ValueError, match=r"Expected a TFLite file\. Received: path='.*text"):
        LiteRunner(tmp_path / "text.tflite")
