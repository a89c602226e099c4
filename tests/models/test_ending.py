"""The softmax or sigmoid at the end of a model, found and left out."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.models import to_logits
from keras_kd.models.ending import ending, is_marked, last_operation
from keras_kd.models.output import logits_of

L = keras.layers
CLASSES = 3


def flat(images):
    return L.Flatten()(images)


def logits(images):
    return L.Dense(CLASSES)(flat(images))


def sequential(*layers):
    return keras.Sequential([keras.Input((4, 4, 3)), *layers])


# What stands behind the logits: a function from images to the outputs of a model, or a model.
ENDINGS = {
    "softmax of a dense layer": lambda i: L.Dense(CLASSES, activation="softmax")(flat(i)),
    "sigmoid of a dense layer": lambda i: L.Dense(CLASSES, activation="sigmoid")(flat(i)),
    "softmax layer as activation": lambda i: L.Dense(CLASSES, activation=L.Softmax())(flat(i)),
    "softmax activation layer": lambda i: L.Activation("softmax", dtype="float32")(logits(i)),
    "softmax of TensorFlow": lambda i: L.Dense(CLASSES, activation=tf.nn.softmax)(flat(i)),
    "softmax in a Lambda": lambda i: L.Lambda(tf.nn.softmax)(logits(i)),
    "softmax layer": lambda i: L.Softmax()(logits(i)),
    "softmax op": lambda i: keras.ops.softmax(logits(i)),
    "sigmoid op": lambda i: keras.ops.sigmoid(logits(i)),
    "log_softmax op": lambda i: keras.ops.log_softmax(logits(i)),
    "softmax function": lambda i: keras.activations.softmax(logits(i)),
    "softmax head in a Sequential": lambda i: keras.Sequential([L.Dense(CLASSES), L.Softmax()])(
        flat(i)
    ),
    "softmax below a reshape": lambda i: L.Reshape((CLASSES,))(
        L.Softmax()(L.Reshape((1, 1, CLASSES))(logits(i)))
    ),
    "softmax below a cast": lambda i: keras.ops.cast(keras.ops.softmax(logits(i)), "float32"),
    "softmax below a nested dropout": lambda i: keras.Sequential([L.Dropout(0.5)])(
        L.Softmax()(logits(i))
    ),
    "softmax beside another key": lambda i: {"a": flat(i), "logits": L.Softmax()(logits(i))},
    "softmax op beside another key": lambda i: {"logits": keras.ops.softmax(logits(i)), "z": i},
    "softmax in a list of one": lambda i: [L.Softmax()(logits(i))],
    "softmax of a convolution": lambda i: L.Flatten()(
        L.Conv2D(CLASSES, 4, activation="softmax")(i)
    ),
    "softmax of a Sequential": sequential(L.Flatten(), L.Dense(CLASSES), L.Softmax()),
    "sigmoid of each of several heads": lambda i: L.Concatenate()(
        [L.Dense(1, activation="sigmoid")(flat(i)), keras.ops.sigmoid(L.Dense(2)(flat(i)))]
    ),
    "sigmoid of heads behind an op": lambda i: keras.ops.concatenate(
        [L.Dense(1, activation="sigmoid")(flat(i)), L.Activation("sigmoid")(L.Dense(2)(flat(i)))], 1
    ),
    "softmax over the only long axis": lambda i: L.Flatten()(
        L.Softmax(axis=1)(L.Reshape((CLASSES, 1))(logits(i)))
    ),
    "sigmoid two models deep": sequential(
        keras.Sequential([L.Flatten(), keras.Sequential([L.Dense(CLASSES, activation="sigmoid")])])
    ),
}
SQUASH = {
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "log_softmax": lambda z: z - np.log(np.exp(z).sum(-1, keepdims=True)),
}


def model_of(make):
    if isinstance(make, keras.Model):
        return make
    images = keras.Input((4, 4, 3))
    return keras.Model(images, make(images))


def answer(model, images):
    return np.asarray(logits_of(model(images)), np.float64)


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(-1, 1, (5, 4, 4, 3)).astype("float32")


@pytest.mark.parametrize("name", ENDINGS)
def test_an_ending_is_found_and_left_out(name, images, tmp_path):
    model = model_of(ENDINGS[name])
    kind = name.split()[0]
    assert ending(model).kind == kind
    plain = to_logits(model)
    assert ending(plain) is None
    got, raw = answer(model, images), answer(plain, images)
    np.testing.assert_allclose(got, SQUASH[kind](raw), rtol=1e-5, atol=1e-6)
    assert plain.count_params() == model.count_params()
    plain.save(tmp_path / "plain.keras")
    again = keras.models.load_model(tmp_path / "plain.keras")
    np.testing.assert_array_equal(answer(again, images), raw)
    np.testing.assert_array_equal(answer(model, images), got)  # the original is as it was


@pytest.mark.parametrize(
    "make",
    [
        logits,
        lambda i: L.Activation("linear")(logits(i)),
        lambda i: {"logits": logits(i), "probabilities": L.Softmax()(logits(i))},
        lambda i: L.Dense(CLASSES)(L.Softmax()(flat(i))),
        lambda i: i,
        lambda i: L.Concatenate()([logits(i), L.Activation("sigmoid")(logits(i))]),
    ],
)
def test_logits_are_left_alone(make):
    model = model_of(make)
    assert ending(model) is None
    assert to_logits(model) is model


# A softmax that is not one over all classes of an image: without it other numbers come out.
OTHER_SOFTMAX = {
    "over pairs": lambda i: L.Reshape((4,))(L.Softmax()(L.Reshape((2, 2))(L.Dense(4)(flat(i))))),
    "over images": lambda i: L.Softmax(axis=0)(logits(i)),
    "op over images": lambda i: keras.ops.softmax(logits(i), axis=0),
    "Lambda over images": lambda i: L.Lambda(tf.nn.softmax, arguments={"axis": 0})(logits(i)),
    "activation over images": lambda i: L.Dense(3, activation=L.Softmax(axis=0))(flat(i)),
    "log over pairs": lambda i: L.Flatten()(
        keras.ops.log_softmax(L.Reshape((2, 2))(L.Dense(4)(flat(i))))
    ),
    "of each class alone": lambda i: L.Flatten()(L.Softmax()(L.Reshape((3, 1))(logits(i)))),
    "of several heads": lambda i: L.Concatenate()([L.Softmax()(logits(i)) for _ in range(2)]),
}


@pytest.mark.parametrize("name", OTHER_SOFTMAX)
def test_a_softmax_over_something_else_stays(name):
    model = model_of(OTHER_SOFTMAX[name])
    assert ending(model) is None
    assert to_logits(model) is model


def test_a_softmax_keeps_its_precision_when_it_goes():
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        model = model_of(lambda i: L.Softmax(dtype="float32")(logits(i)))
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    assert to_logits(model).output.dtype == "float32"


class Marked(L.Layer):
    normalized = True

    def call(self, x):
        return x


def test_a_mark_is_seen_through_what_only_reshapes_and_nested_models():
    inner = model_of(lambda i: Marked(name="mark")(logits(i)))
    outer = model_of(lambda i: L.Reshape((CLASSES,))(keras.Sequential([inner])(i)))
    for model in (inner, outer):
        assert is_marked(model, "normalized") and not is_marked(model, "binary")
        assert last_operation(model).name == "mark"
    behind = model_of(lambda i: L.Dense(CLASSES)(inner(i)))
    assert not is_marked(behind, "normalized")
    assert last_operation(lambda images: images) is None
