import keras
import numpy as np
import pytest
from keras import layers
from shrunk import photographs, residual

from keras_kd.models.wrap.graph import calls_of, follow
from keras_kd.models.wrap.walk import Walk, few_enough, is_fitted, rows_in, rows_out


@pytest.mark.parametrize("layer", [
    layers.Conv2D(4, 1, 2),
    layers.Conv2D(4, 3, 2, "same"),
    layers.Conv2D(4, (3, 2), padding="valid", activation="relu"),
    layers.Conv2D(4, 3, padding="same", dilation_rate=2),
    layers.Dense(4),
], ids=["1x1", "strided", "valid", "dilated", "dense"])  # fmt: skip
def test_rows_times_kernel_are_what_the_layer_gives(layer):
    x = keras.ops.convert_to_tensor(photographs(3, (8, 7, 3)))
    layer.build(x.shape)
    kernel = np.asarray(layer.kernel)
    expected = np.asarray(layer(x)).reshape(-1, 4)
    found = rows_in(layer, x) @ kernel.reshape(-1, 4)
    np.testing.assert_allclose(rows_out(layer, x), found, atol=1e-6)
    if layer.activation is keras.activations.relu:
        found = np.maximum(found, 0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_rows_are_a_part_where_there_are_many():
    x = np.zeros((40, 64, 64, 1), "float32")
    layer = layers.Conv2D(1, 1)
    layer.build(x.shape)
    assert 8_000 < len(rows_in(layer, x)) <= 16_384


def test_the_last_value_is_the_models_answer():
    model, x = residual(), photographs(5)
    network = follow(calls_of(model))
    walk = Walk(network, x)
    for call in network.calls:
        walk.step(call)
    np.testing.assert_allclose(walk.value(network.logits), model(x), rtol=1e-5)
    assert len(walk._values) == 1  # all others are let go


def test_other_kernels_are_left():
    x = keras.Input((8, 8, 4))
    grouped = layers.Conv2D(4, 3, groups=2)
    fitted = {}
    for layer in (
        grouped,
        layers.DepthwiseConv2D(3),
        layers.Conv2DTranspose(4, 3),
        layers.Conv2D(4, 3),
    ):
        network = calls_of(keras.Model(x, layer(x)))
        fitted[type(layer).__name__, getattr(layer, "groups", 1)] = is_fitted(network.calls[0])
    assert [key for key, value in fitted.items() if value] == [("Conv2D", 1)]


def test_no_more_images_than_fit():
    x = keras.Input((100, 100, 1))
    for filters, count in ((16, 838), (10_000, 32)):  # 2^27 / 160,000; 32 at least
        network = calls_of(keras.Model(x, layers.Conv2D(filters, 1)(x)))
        assert len(few_enough(network, np.zeros((900, 1)))) == count
