"""FLOPs against counts by hand and against published ones."""

import keras
import pytest
from keras import layers

from keras_kd import models
from keras_kd.models import flops as counting
from keras_kd.models.flops import Size, flops, size, size_without_weights


def one(layer, shape=(8, 6, 4)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, layers.Flatten()(layer(inputs)))


@pytest.mark.parametrize(
    ("layer", "products"),
    [
        (layers.Conv2D(5, 3, padding="same"), 8 * 6 * 9 * 4 * 5),
        (layers.Conv2D(5, 3, strides=2), 3 * 2 * 9 * 4 * 5),
        (layers.Conv2D(6, 1, groups=2), 8 * 6 * 2 * 6),
        (layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2), 8 * 6 * 9 * 4 * 2),
        (layers.SeparableConv2D(5, 3, padding="same"), 8 * 6 * (9 * 4 + 4 * 5)),
        (layers.Conv2DTranspose(5, 2, strides=2), 8 * 6 * 4 * 4 * 5),
        (layers.Dense(7), 8 * 6 * 4 * 7),
        (layers.BatchNormalization(), 0),
    ],
    ids=["same", "valid", "grouped", "depthwise", "separable", "transposed", "dense", "norm"],
)
def test_a_layer_by_hand(layer, products):
    assert flops(one(layer)) == 2 * products


def test_a_shared_layer_counts_each_time_and_a_nested_model_too():
    dense = layers.Dense(4)
    inputs = keras.Input((4,))
    inner = keras.Model(inputs, dense(dense(inputs)))
    outer = keras.Input((4,))
    model = keras.Model(outer, layers.Dense(3)(inner(outer)))
    assert flops(model) == 2 * (16 + 16 + 12)


@pytest.mark.parametrize(
    ("name", "kwargs", "products", "parameters"),
    [
        # Goyal et al. 2017 and many others: 4.1e9 with the stride on the 3x3, as in BiT.
        ("bit_resnet", {"depth": 50}, 4.1e9, 25.55e6),
        # He et al. 2015, table 1: 3.8e9 with the stride on the 1x1, as in Keras.
        ("resnet50", {}, 3.8e9, 25.6e6),
        # Howard et al. 2019, table 3: 56e6 and 219e6.
        ("mobilenet_v3_small", {}, 56e6, 2.5e6),
        ("mobilenet_v3_large", {}, 219e6, 5.4e6),
    ],
)
def test_published_counts(name, kwargs, products, parameters):
    found = size_without_weights(lambda: models.build(name, 1000, (224, 224, 3), **kwargs))
    assert found.flops == pytest.approx(2 * products, rel=0.05)
    assert found.parameters == pytest.approx(parameters, rel=0.03)


def test_without_weights_is_the_same_size_and_makes_none():
    def build():
        built.append(models.bit_resnet((1, 1), 0.125, 5, (32, 32, 3)))
        return built[-1], models.mobilenet_v3_small(5, (32, 32, 3), alpha=0.35)

    built = []
    expected = tuple(size(model) for model in build())
    assert size_without_weights(build) == expected
    assert isinstance(expected[0], Size) and expected[0].flops > 0
    # This fails if Keras begins to make the variables of a stateless scope.
    assert all(variable._value is None for variable in built[1].weights)
    keras.Sequential([keras.Input((2,)), layers.Dense(2)])  # would make what was left to make
    assert all(variable._value is None for variable in built[1].weights)


def test_a_mistake_in_the_builder_comes_through():
    with pytest.raises(ValueError, match="depth must be one of"):
        size_without_weights(lambda: models.bit_resnet(51))


def test_what_has_no_graph_is_unknown():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    assert counting.flops(Own()) is None
