"""TFLite with int8 weights: a quarter of the size. Its answers: see the contract."""

from lite_interpreter import heavy_network

from keras_kd.export import to_tflite


def test_weights_shrink(tmp_path):
    size = to_tflite(heavy_network(), tmp_path / "f", "dynamic")["bytes"]
    full = to_tflite(heavy_network(), tmp_path / "g")["bytes"]
    assert 0.25 < size / full < 0.29
