"""A folded network gives the same logits, and has no norm of a batch any more."""

import keras
import numpy as np
import pytest
from keras import layers
from rounded import of_all_kinds
from shrunk import photographs, residual, shaken

from keras_kd import models
from keras_kd.models.wrap.folded import folded
from keras_kd.models.wrap.graph import calls_of


def fold(model):
    return folded(calls_of(model), "folded")


@pytest.mark.parametrize(("make", "shape"), [
    (residual, (8, 8, 3)),
    (of_all_kinds, (16, 16, 3)),
    (lambda: models.bit_resnet((1,), 0.25, 3, (16, 16, 3), small_root=True), (16, 16, 3)),
    (lambda: models.mobilenet_v3_small(3, (32, 32, 3), 0.25), (32, 32, 3)),
    (lambda: keras.Sequential([keras.Input((8, 8, 3)), residual()]), (8, 8, 3)),
])  # fmt: skip
def test_the_same_logits(make, shape):
    model = shaken(make())
    x = photographs(4, shape)
    result = fold(model)
    np.testing.assert_allclose(result(x), model(x, training=False), atol=1e-5)
    assert not [one for one in result.layers if isinstance(one, layers.BatchNormalization)]
    # Nothing is measured in training any more.
    frozen = fold(models.resnet(8, 0.25, 3, (8, 8, 3)))
    x = photographs(4)
    np.testing.assert_allclose(frozen(x, training=True), frozen(x), atol=1e-6)


def test_layers_keep_their_names():
    names = [layer.name for layer in fold(of_all_kinds()).layers]
    assert {"first", "first_activation", "separable_depthwise", "separable", "alone"} <= set(names)
    assert not {"separable_bn", "larger_bn"} & set(names)


def test_a_norm_is_not_folded_where_others_read_what_is_before_it():
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="conv")(images)
    x = layers.Add()([layers.BatchNormalization(name="bn")(x), x])
    model = shaken(keras.Model(images, layers.Dense(3)(layers.Flatten()(x))))
    result = fold(model)
    assert isinstance(result.get_layer("bn"), layers.DepthwiseConv2D)
    x = photographs(4)
    np.testing.assert_allclose(result(x), model(x, training=False), atol=1e-5)


def test_a_layer_that_is_called_twice_stays_one():
    images = keras.Input((8, 8, 3))
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    x = shared(layers.BatchNormalization()(shared(images)))
    model = shaken(keras.Model(images, layers.Dense(3)(layers.Flatten()(x))))
    result, x = fold(model), photographs(4)
    np.testing.assert_allclose(result(x), model(x, training=False), atol=1e-5)
    assert sum("shared" in layer.name for layer in result.layers) == 1


def test_what_it_was_made_of_stays():
    model, x = residual(), photographs(2)
    before = model(x).numpy()
    fold(model)
    np.testing.assert_array_equal(model(x), before)
