"""A network in few bits as a plain one again."""

import keras
import numpy as np
import pytest
from rounded import SHAPE, of_all_kinds
from shrunk import photographs, residual

from keras_kd.models import quantize_aware
from keras_kd.models.wrap import is_quantized, unquantized
from keras_kd.models.wrap.unquantize import has_ranges


@pytest.mark.parametrize(("make", "shape"), [(residual, (8, 8, 3)), (of_all_kinds, SHAPE)])
def test_the_kernels_of_the_grids_and_nothing_else(make, shape):
    model, x = make(), photographs(8, shape)
    alone = quantize_aware(model, 4, activations=None)
    plain = unquantized(alone)
    np.testing.assert_allclose(plain(x), alone(x), atol=1e-5)
    assert all(type(layer).__module__.startswith("keras.") for layer in plain.layers)
    both = quantize_aware(model, 4, images=x)
    assert has_ranges(both) and not has_ranges(alone) and is_quantized(alone)
    assert not is_quantized(unquantized(both))
    np.testing.assert_allclose(unquantized(both)(x), plain(x), atol=2e-3)  # biases are rounded too


def test_a_network_in_floats_is_given_back():
    model = residual()
    assert unquantized(model) is model
    assert not is_quantized(lambda x: x) and isinstance(model, keras.Model)
