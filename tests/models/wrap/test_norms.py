import keras
import numpy as np
from keras import layers
from shrunk import photographs, residual

from keras_kd.models.wrap.norms import measure_norms


def test_statistics_of_all_images():
    images = keras.Input((8, 8, 3))
    x = layers.Dropout(0.5)(layers.BatchNormalization(name="first")(images))
    model = keras.Model(images, layers.Flatten()(layers.BatchNormalization(name="second")(x)))
    x = photographs(12) * [1, 2, 3] + [0, 1, 2]
    measure_norms(model, [x[:4], x[4:8], x[8:]])
    first = model.get_layer("first")
    np.testing.assert_allclose(first.moving_mean, x.mean(axis=(0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(first.moving_variance, x.var(axis=(0, 1, 2)), rtol=1e-5)
    # Each batch is normalised by itself, and nothing is dropped.
    np.testing.assert_allclose(model.get_layer("second").moving_mean, np.zeros(3), atol=1e-5)
    np.testing.assert_allclose(model.get_layer("second").moving_variance, np.ones(3), rtol=1e-2)


def test_nothing_else_moves():
    model = residual()
    before = {w.path: w.numpy() for w in model.trainable_variables}
    measure_norms(model, [photographs(4)])
    for weight in model.trainable_variables:
        np.testing.assert_array_equal(weight, before[weight.path])


def test_without_norms_there_is_nothing_to_do():
    images, x = keras.Input((8, 8, 3)), photographs(2)
    model = keras.Model(images, layers.Flatten()(images))
    measure_norms(model, [x])
    np.testing.assert_array_equal(model(x), x.reshape(2, -1))
