"""Kernels with norms folded in, against the layers one after the other."""

import keras
import numpy as np
import pytest
from keras import layers
from shrunk import photographs, shaken

from keras_kd.models.folding import folded_weights, parts_of
from keras_kd.models.layers import StandardizedConv2D


@pytest.mark.parametrize("layer", [
    layers.Conv2D(6, 3, use_bias=False),
    layers.Conv2D(6, 3, groups=3),
    StandardizedConv2D(6, 3),
    layers.DepthwiseConv2D(3, depth_multiplier=2),
    layers.Conv2DTranspose(6, 3, strides=2),
    layers.Dense(6),
])  # fmt: skip
def test_one_layer_does_what_three_did(layer):
    images = keras.Input((8, 8, 3))
    norms = layers.BatchNormalization(), layers.BatchNormalization(scale=False, center=False)
    model = shaken(keras.Model(images, norms[1](norms[0](layer(images)))))
    kernel, bias = folded_weights(layer, norms)
    assert kernel.dtype == bias.dtype == np.float64
    config = {**layer.get_config(), "use_bias": True}
    plain = layers.Conv2D if isinstance(layer, StandardizedConv2D) else type(layer)
    alone = plain.from_config(config)
    alone.build(images.shape)
    alone.set_weights([kernel, bias])
    x = photographs(3)
    np.testing.assert_allclose(alone(x), model(x, training=False), atol=1e-5)


def test_the_parts_of_a_norm_are_the_formula():
    norm = layers.BatchNormalization(epsilon=0.01)
    norm.build((None, 2))
    norm.set_weights(np.array([[2.0, 3.0], [1.0, -1.0], [0.5, 0.0], [0.24, 0.99]]))
    mean, scale, shift = parts_of(norm)
    np.testing.assert_allclose(mean, [0.5, 0.0], rtol=1e-6)
    np.testing.assert_allclose(scale, [2 / 0.5, 3 / 1.0], rtol=1e-6)
    np.testing.assert_allclose(shift, [1.0, -1.0])
