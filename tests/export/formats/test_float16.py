"""TFLite with weights in half precision: nearly the Keras logits, at half the size."""

import numpy as np
from lite_interpreter import heavy_network, logits_of_file

from keras_kd.export import to_tflite


def test_logits_are_nearly_the_keras_logits(exported, batch_norm_net, images):
    """float16 keeps 11 bits of each weight."""
    expected = batch_norm_net(images, training=False).numpy()
    np.testing.assert_allclose(logits_of_file(exported("float16")[0], images), expected, atol=1e-2)


def test_weights_shrink(tmp_path):
    size = to_tflite(heavy_network(), tmp_path / "f", "float16")["bytes"]
    full = to_tflite(heavy_network(), tmp_path / "g")["bytes"]
    assert 0.49 < size / full < 0.53
