"""The option for processors without floats: a network with group norm is integer throughout."""

import keras
import numpy as np
import pytest

from keras_kd import models
from keras_kd.export import check_formats, formats, to_tflite, verify


@pytest.fixture(scope="module")
def bit():
    """A small BiT, and images of contrasts from faint to strong."""
    keras.utils.set_random_seed(0)
    model = models.bit_resnet(
        depth=(1, 1), width=0.25, num_classes=5, input_shape=(16, 16, 3), small_root=True
    )
    rng = np.random.default_rng(0)
    head = model.get_layer("logits")
    images = rng.uniform(-1, 1, (48, 16, 16, 3)) * np.geomspace(0.05, 1, 48)[:, None, None, None]
    images = images.astype(np.float32)
    kernel = rng.normal(size=head.kernel.shape)
    head.set_weights([kernel, np.zeros(5)])
    head.set_weights([kernel, -model(images).numpy().mean(0)])  # all classes occur
    return model, images


def test_int8_keeps_the_answers_and_int8_full_is_integer_throughout(bit, tmp_path):
    model, images = bit
    facts = {}
    for name in ("int8", "int8_full"):
        path = tmp_path / f"{name}.tflite"
        facts[name] = to_tflite(model, path, name, [images])
        facts[name] |= verify(model, path, [images])
    assert facts["int8"]["agreement_with_keras"] >= 0.9  # of faint images between classes
    assert "int8_full has them in integers" in facts["int8"]["fallback"]
    assert not facts["int8"]["fully_quantized"] and facts["int8"]["float_tensors"]
    full = facts["int8_full"]
    assert full["fully_quantized"] and full["float_tensors"] == [] and full["fallback"] is None
    assert full["agreement_with_keras"] < facts["int8"]["agreement_with_keras"]
    # And what it costs is told, with the layers.
    told = formats.get("int8_full").remarks({**full, "min_agreement": 1.0})
    assert "layers that lose most" in told[-1] and "norm" in told[-1]


def test_it_is_written_on_request():
    assert "int8_full" not in check_formats() and check_formats(["int8_full"]) == ["int8_full"]
