"""A network that goes on where it stopped: the same answers, and a life of its own."""

import keras
import numpy as np
import pytest
from rounded import of_all_kinds as in_few_bits
from shrunk import photographs, residual, shaken

from keras_kd import models
from keras_kd.models import continued, quantize_aware
from keras_kd.models.wrap import is_quantized


def test_the_same_answers_and_weights_of_its_own():
    model, x = residual(), photographs(4)
    model.trainable = False  # as one is that has learned
    before = [w.copy() for w in model.get_weights()]
    copy = continued(model)
    np.testing.assert_array_equal(copy(x), model(x))
    assert [layer.name for layer in copy.layers if layer.weights] == [
        layer.name for layer in model.layers if layer.weights
    ]
    assert len(copy.trainable_variables) == 10  # kernels, biases, and scale and offset of norms
    copy.compile("sgd", "mse")
    copy.fit(x, np.ones((4, 3)), verbose=0)
    assert np.abs(copy(x) - model(x)).max() > 0
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_a_network_in_few_bits_stays_one():
    model, x = in_few_bits(), photographs(4, in_few_bits().input_shape[1:])
    rounded = quantize_aware(model, 4, images=x)
    copy = continued(rounded)
    np.testing.assert_array_equal(copy(x), rounded(x))
    assert is_quantized(copy)
    copy.compile("sgd", "mse")
    copy.fit(x, 0 * rounded(x), verbose=0)
    assert np.abs(copy(x) - rounded(x)).max() > 0


def test_images_of_another_size():
    model = shaken(models.build("resnet", 3, (16, 16, 3), depth=8, width=0.25))
    copy = continued(model, input_shape=(8, 8, 3))
    assert copy.input_shape == (None, 8, 8, 3)
    for a, b in zip(copy.get_weights(), model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_what_has_no_graph_is_refused():
    class Hidden(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="continued takes functional and Sequential"):
        continued(Hidden(name="hidden"))
