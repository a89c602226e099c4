"""Networks cut below their classifier: what is left, and what it is called."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.models.answers import ClassOrder
from keras_kd.models.cutting import features_of, pooled, reheaded


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


L = keras.layers
# What may stand on six features, by the kind of the classifier among it.
CLASSIFIERS = {
    "Dense": {
        "cast": lambda f: keras.ops.cast(keras.ops.softmax(L.Dense(4)(f)), "float32"),
        "Lambda": lambda f: L.Lambda(tf.nn.softmax)(L.Dense(4)(f)),
        "softmax layer as activation": lambda f: L.Dense(4, activation=L.Softmax())(f),
        "function of TensorFlow": lambda f: L.Dense(4, activation=tf.nn.softmax)(f),
        "log_softmax": lambda f: keras.ops.log_softmax(L.Dense(4)(f)),
        "nested": lambda f: keras.Sequential([L.Dense(4), L.Activation("sigmoid")])(f),
        "softmax over pairs": lambda f: L.Flatten()(L.Softmax()(L.Reshape((2, 2))(L.Dense(4)(f)))),
    },
    "Conv2D": {
        "squeeze": lambda f: keras.ops.squeeze(L.Conv2D(4, 1)(L.Reshape((1, 1, 6))(f)), (1, 2)),
        "reshape": lambda f: keras.ops.reshape(
            L.Conv2D(4, 1, activation="softmax")(L.Reshape((1, 1, 6))(f)), (-1, 4)
        ),
    },
}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, ends in CLASSIFIERS.items() for name in ends]
)
def test_a_new_head_stands_on_the_features(kind, name):
    inputs = keras.Input((8, 8, 3))
    features = L.GlobalAveragePooling2D()(L.Conv2D(6, 3)(inputs))
    model = keras.Model(inputs, CLASSIFIERS[kind][name](features))
    images = keras.Input((8, 8, 3))
    found, classifier = features_of(model, images)
    assert type(classifier).__name__ == kind
    x = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).astype("float32")
    own = np.asarray(keras.Model(inputs, features)(x))
    np.testing.assert_allclose(np.reshape(keras.Model(images, found)(x), (2, 6)), own, atol=1e-6)
    network = reheaded(model, images, images, 4, keep_head=True)
    kernel, bias = (np.asarray(one, np.float64) for one in classifier.weights)
    np.testing.assert_allclose(network(x), own @ kernel.reshape(6, 4) + bias, atol=1e-5)


def test_an_activation_of_its_own_belongs_to_the_features():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, L.Dense(4, activation="relu")(L.Flatten()(inputs)))
    assert features_of(model, inputs)[1] is None


def test_a_head_of_another_order_is_not_kept():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, ClassOrder([1, 0])(L.Dense(2)(L.Flatten()(inputs))))
    features, classifier = features_of(model, inputs)
    assert classifier is None and features.shape == (None, 192)
