"""Keras's record of what made a tensor, which is private: it must be where it is looked for."""

import keras
from keras import layers

from keras_kd.models.wrap.inputs import maker_of


def test_the_maker_behind_what_is_skipped():
    images = keras.Input((8, 8, 3))
    first = layers.Conv2D(4, 3, name="first")
    x = layers.Dropout(0.5)(layers.MaxPooling2D()(first(images)))
    passing = (layers.Dropout, layers.MaxPooling2D)
    assert maker_of(x, lambda one: isinstance(one, passing)) is first
    assert maker_of(x, lambda one: False).name.startswith("dropout")
    both = layers.Add()([x, x])
    assert isinstance(maker_of(both, lambda one: True), layers.Add)  # of several inputs
    assert isinstance(maker_of(images, lambda one: True), layers.InputLayer)
    assert maker_of(keras.ops.ones((1,)), lambda one: True) is None
