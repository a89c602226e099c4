import keras
import numpy as np
import pytest
from keras import layers, ops
from shrunk import network_of, photographs, residual, shaken, sizes

from keras_kd.models import shrink


class Doubled(layers.Layer):
    def call(self, inputs):
        return 2 * inputs


class Conv(layers.Conv2D):
    pass


class Sub(keras.Model):
    def call(self, inputs):
        return inputs


def after(layer):
    return lambda images: layers.Dense(2)(layers.Flatten()(layer(layers.Conv2D(4, 1)(images))))


@pytest.mark.parametrize("layer", [
    Doubled(name="mine"), Conv(3, 1, name="mine"), Sub(name="mine"),
    layers.Lambda(lambda x: x, name="mine"),
    layers.Conv2D(2, 1, data_format="channels_first", name="mine"),
])  # fmt: skip
def test_what_it_does_not_know_is_named(layer):
    with pytest.raises(ValueError, match=r"Received: layer 'mine' of type"):
        network_of(after(layer))


def test_what_sees_the_images_or_the_classes_alone_may_do_what_it_likes():
    def make(images):
        x = layers.Conv2D(4, 1)(Doubled()(images))
        return Doubled()(layers.Dense(2)(layers.Flatten()(x)))

    assert sizes(network_of(make)) == [(4, 1)]


def test_models_of_another_form_are_refused():
    images = keras.Input((8, 8, 3))
    x = layers.Flatten()(images)
    with pytest.raises(ValueError, match=r"1 inputs and 2 outputs"):
        shrink(keras.Model(images, [layers.Dense(2)(x), layers.Dense(2)(x)]))
    with pytest.raises(ValueError, match=r"of type Sub"):
        shrink(Sub())
    with pytest.raises(ValueError, match=r"must take images of \(4, 4, 3\)"):
        shrink(keras.Model(images, layers.Dense(2)(x)), input_shape=(4, 4, 3))


def test_a_layer_that_is_called_twice_is_cut_once():
    shared = layers.Conv2D(4, 3, padding="same", name="shared")
    relu = layers.ReLU()
    images = keras.Input((8, 8, 3))
    x = relu(layers.Conv2D(4, 1)(images))
    x = relu(shared(relu(shared(x))))
    model = shaken(keras.Model(images, layers.Dense(2)(layers.Flatten()(x))))
    half, x = shrink(model, 0.5), photographs(2)
    np.testing.assert_array_equal(shrink(model, 1.0)(x), model(x))
    assert half.get_layer("shared").kernel.shape == (3, 3, 2, 2)


def test_one_without_weights_that_cannot_serve_two_widths_is_refused_by_name():
    shape = layers.Reshape((8, 8, 4), name="shape")
    images = keras.Input((8, 8, 3))
    first = shape(layers.Conv2D(4, 1, name="a")(images))
    second = shape(layers.Conv2D(4, 1, name="b")(first))
    model = keras.Model(images, layers.Dense(2)(layers.Flatten()(second)))
    assert shrink(model, 0.5).get_layer("shape").target_shape == (8, 8, 2)
    with pytest.raises(ValueError, match=r"called twice.*Received: layer 'shape'"):
        shrink(model, {"a": 0.5})


def test_nested_models_are_opened():
    inner = residual()
    images = keras.Input((8, 8, 3))
    model = keras.Sequential([images, layers.Rescaling(2.0), inner, layers.Activation("softmax")])
    x = photographs(2)
    np.testing.assert_allclose(shrink(model, 1.0)(x), ops.softmax(inner(2 * x)), atol=1e-6)
    assert shrink(model, 0.5).get_layer("stem_conv").filters == 4
