"""What answers are merged of, through nested models and whatever merges."""

import keras
import pytest

from keras_kd.models.merged import sources

L = keras.layers


def flat(i):
    return L.Flatten()(i)


def named(name, activation=None):
    return L.Dense(3, activation=activation, name=name)


def nested(i):
    """A nested model that averages what it is given and what it makes of it."""
    given = keras.Input((3,))
    inner = keras.Model(given, L.Average()([given, named("b", "sigmoid")(given)]))
    return inner(named("a")(flat(i)))


CASES = {
    "one": (lambda i: named("a")(flat(i)), {"a": "linear"}),
    "two": (
        lambda i: named("a")(flat(i)) * named("b", "sigmoid")(flat(i)) / 2.0,
        {"a": "linear", "b": "sigmoid"},
    ),
    "another activation": (lambda i: named("a", "relu")(flat(i)), {"a": ""}),
    "nested": (nested, {"a": "linear", "b": "sigmoid"}),
    "not looked through": (lambda i: L.LeakyReLU(name="e")(named("a")(flat(i))), {"e": ""}),
    "no layer": (flat, {"image": ""}),
    "pooled": (
        lambda i: L.GlobalAveragePooling2D()(L.Conv2D(3, 1, activation="softmax", name="a")(i)),
        {"a": "softmax"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_sources(name):
    make, expected = CASES[name]
    images = keras.Input((4, 4, 3), name="image")
    found = sources(keras.Model(images, make(images)))
    assert {one.operation.name: one.kind for one in found} == expected
    assert not any(one.mixes_images for one in found)


@pytest.mark.parametrize(("axis", "mixes"), [(-1, False), (1, False), (0, True), (-2, True)])
def test_a_softmax_over_images_is_told(axis, mixes):
    images = keras.Input((4, 4, 3))
    model = keras.Model(images, L.Softmax(axis=axis)(named("a")(flat(images))))
    assert [one.mixes_images for one in sources(model)] == [mixes]


def test_without_a_graph_there_are_none():
    assert sources(lambda images: images) == []
