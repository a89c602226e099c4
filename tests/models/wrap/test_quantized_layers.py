"""Layers whose kernels are on grids: what they compute, hold, and give to a file."""

import keras
import numpy as np
import pytest
from keras import layers
from shrunk import photographs

from keras_kd.models.wrap.quantized_layers import EIGHT, QUANTIZED
from keras_kd.models.wrap.ranges import FixedRange

LAYERS = [
    layers.Conv2D(6, 3, strides=2, padding="same", groups=3),
    layers.Conv2D(5, 3, dilation_rate=2, use_bias=False),
    layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
    layers.Conv2DTranspose(4, 3, strides=2, padding="same"),
    layers.Dense(7),
]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("scheme", ["lsq", "minmax"])
def test_the_plain_layer_with_the_kernel_on_its_grid(layer, scheme):
    kind = QUANTIZED[type(layer)]
    rounded = kind.from_config({**layer.get_config(), "bits": 4, "scheme": scheme})
    x = photographs(2)
    rounded(x)
    rounded.start()
    if rounded.use_bias:
        rounded.bias.assign(np.linspace(-1, 1, rounded.bias.shape[0]))
    plain = type(layer).from_config(layer.get_config())
    plain(x)
    plain.set_weights(rounded.plain_weights())
    np.testing.assert_allclose(rounded(x), plain(x), atol=1e-5)
    np.testing.assert_allclose(rounded(x, training=True), plain(x), atol=1e-5)
    whole, steps = rounded.whole()
    assert whole.shape == layer.kernel.shape if layer.built else True
    assert np.abs(np.asarray(whole)).max() <= 7
    channels = 1 if type(layer) in (layers.Dense, layers.Conv2DTranspose) else plain(x).shape[-1]
    assert np.size(steps) == channels
    again = kind.from_config(rounded.get_config())
    assert (again.bits, again.scheme) == (4, scheme)


def test_the_bias_is_a_whole_number_of_steps_behind_a_range():
    """Of the input's step times the kernel's, as files hold it; dropout between changes nothing."""
    images = keras.Input((8, 8, 3))
    x = layers.Dropout(0.5)(FixedRange(-1.0, 1.0)(images))
    layer = QUANTIZED[layers.Conv2D](4, 1, name="conv")
    keras.Model(images, layer(x))
    layer.start()
    layer.bias.assign([0.1, 0.2, 0.3, 0.4])
    _, steps = layer.whole()
    whole = np.asarray(layer.bias_in_use()) / (np.asarray(steps) * 2 / 255)
    np.testing.assert_allclose(whole, np.round(whole), atol=1e-2)
    np.testing.assert_allclose(layer.bias_in_use(), layer.bias, atol=1e-3)
    assert np.abs(layer.bias_in_use() - layer.bias).max() > 0
    # Where two inputs have steps of their own there is none for the bias.
    layer(FixedRange(-2.0, 2.0)(images))
    np.testing.assert_array_equal(layer.bias_in_use(), layer.bias)


def test_what_is_kept_in_8_bits_is_quantised_too():
    assert set(EIGHT) <= set(QUANTIZED)
