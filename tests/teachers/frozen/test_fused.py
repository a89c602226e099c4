"""The fused operations, against the layers that went into them."""

import keras
from frozen_networks import assert_close, pictures, randomized

from keras_kd.teachers.frozen import freeze


def test_padding_grouped_depthwise_and_dense():
    image = keras.Input((9, 8, 4))
    x = keras.layers.ZeroPadding2D(((1, 1), (2, 0)))(image)
    x = keras.layers.Conv2D(6, 3, strides=2, groups=2)(x)
    x = keras.layers.BatchNormalization(scale=False)(x)
    x = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(x)
    x = keras.layers.BatchNormalization(center=False)(x)
    x = keras.layers.Dense(7, activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)  # behind a ReLU: stays
    x = keras.layers.Dense(5)(keras.layers.Flatten()(x))
    x = keras.layers.BatchNormalization()(x)
    model = randomized(keras.Model(image, x))
    teacher, x = freeze(model, engine="graph"), pictures(model)
    assert_close(teacher(x), model(x, training=False))
    facts = teacher.facts
    assert facts["folded"]["batch_norm"] == 3 and facts["folded"]["padding"] == 1
    assert any("1 batch norms stand behind no convolution" in note for note in facts["notes"])
