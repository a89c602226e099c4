"""Networks cut below their classifier: what is left, and what it is called."""

import keras
import numpy as np
import pytest

from keras_kd.models.cutting import features_of, pooled


def test_the_classifier_and_what_only_reshapes_are_cut_off():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D(name="pool")(inputs)
    x = keras.layers.Dropout(0.5)(x)
    logits = keras.layers.Dense(4, name="top")(x)
    model = keras.Model(inputs, keras.layers.Softmax()(keras.layers.Reshape((4,))(logits)))
    images = keras.Input((6, 5, 3))
    features, classifier = features_of(model, images)
    assert classifier is model.get_layer("top") and features.shape == (None, 3)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 6, 5, 3)).astype("float32")
    np.testing.assert_allclose(keras.Model(images, features)(x), x.mean((1, 2)), atol=1e-6)


def test_features_stay_as_they_are():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(5, 3, activation="relu")(inputs))
    features, classifier = features_of(model, inputs)
    assert classifier is None and features.shape == (None, 6, 6, 5)
    vector = pooled(features, model)
    assert vector.shape == (None, 5)
    assert keras.Model(inputs, vector).layers[-1].name == "pre_logits"
    with pytest.raises(ValueError, match=r"features have the shape \(None, 30, 6\)"):
        pooled(keras.layers.Reshape((30, 6))(features), model)
