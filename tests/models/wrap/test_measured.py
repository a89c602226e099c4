"""First ranges of tensors: what they are on some images, batch by batch."""

import keras
import numpy as np
import pytest
from keras import layers
from rounded import pictures

from keras_kd.models.layers import GroupNorm
from keras_kd.models.wrap.images import BATCH
from keras_kd.models.wrap.measured import with_ranges
from keras_kd.models.wrap.ranges import FixedRange, InFloat

SHAPE = (8, 8, 3)


def small():
    images = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, name="conv")(images)
    x = layers.ReLU(name="relu")(GroupNorm(2, name="norm")(x))
    x = layers.Activation("sigmoid", name="gate")(layers.Flatten(name="flat")(x))
    return keras.Model(images, layers.Dense(3, name="logits")(x))


@pytest.mark.parametrize("scheme", ["lsq", "minmax"])
def test_ends_are_the_means_of_the_batches(scheme):
    model, x = small(), pictures(2 * BATCH, SHAPE)
    x[:BATCH] *= 0.3
    result = with_ranges(model, x, scheme)
    inner = keras.Model(model.input, [model.get_layer(name).output for name in ("conv", "relu")])
    for name, index in (("conv_range", 0), ("relu_range", 1)):
        values = [np.asarray(inner(part)[index]) for part in (x[:BATCH], x[BATCH:])]
        low, high = (float(np.mean([end(v) for v in values])) for end in (np.min, np.max))
        found = [float(end) for end in result.get_layer(name).ends()]
        step = (high - low) / 255
        np.testing.assert_allclose(found, [min(low, 0.0), high], atol=0.6 * step)
    assert isinstance(result.get_layer("gate_range"), FixedRange)
    assert isinstance(result.get_layer("norm_in_float"), InFloat)
    assert "flat_range" not in [layer.name for layer in result.layers]


def test_the_model_keeps_its_weights_and_nearly_its_answers():
    model, x = small(), pictures(16, SHAPE)
    result = with_ranges(model, x)
    for layer in model.layers[1:]:
        for one, other in zip(layer.weights, result.get_layer(layer.name).weights):
            np.testing.assert_array_equal(one, other)
    expected = model(x).numpy()
    assert 0 < np.abs(result(x) - expected).max() < 0.1 * np.ptp(expected)
