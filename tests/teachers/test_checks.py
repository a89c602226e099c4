"""What `teachers.load` refuses: each advice is followed to the letter, and then it loads."""

import keras
import numpy as np
import pytest
from subclassed import subclassed

from keras_kd import teachers
from keras_kd.models import to_logits

L = keras.layers
SHAPE, CLASSES = (8, 8, 3), 3


def images():
    return keras.Input(SHAPE)


def flat(i):
    return L.Flatten()(L.Conv2D(4, 3)(i))


def model(end):
    i = images()
    return keras.Model(i, end(i))


def head(i):
    return L.Dense(CLASSES)(flat(i))


def load(given, **kwargs):
    return teachers.load(given, **kwargs)


# A model with a mistake, what is said, and the advice followed: arguments for `load`.
MISTAKES = {
    "a list of outputs": (
        lambda: model(lambda i: [L.Dense(CLASSES, name="head")(flat(i)), flat(i)]),
        r"the outputs 'head' \(None, 3\), 'flatten.*Pass output='head', or another",
        lambda m: {"given": m, "output": "head"},
    ),
    "a dict of outputs": (
        lambda: model(lambda i: {"scores": head(i), "features": flat(i)}),
        r"Pass output='scores', or another of these names\.$",
        lambda m: {"given": m, "output": "scores"},
    ),
    "a dict of outputs, two of which fit": (
        lambda: model(lambda i: {"first": head(i), "second": head(i)}),
        r"Pass output='first', or another of these names\.$",
        lambda m: {"given": m, "output": "first", "num_classes": CLASSES},
    ),
    "a map of logits": (
        lambda: model(lambda i: L.Conv2D(CLASSES, 3)(i)),
        r"Bring it to that: keras\.Model\(model\.input, keras\.layers\.GlobalAveragePooling2D",
        lambda m: {"given": keras.Model(m.input, L.GlobalAveragePooling2D()(m.output))},
    ),
    "logits with an axis too many": (
        lambda: model(lambda i: L.Reshape((1, CLASSES))(head(i))),
        r"keras\.Model\(model\.input, keras\.layers\.Flatten\(\)\(model\.output\)\)\.$",
        lambda m: {"given": keras.Model(m.input, L.Flatten()(m.output))},
    ),
    "a subclassed model": (
        lambda: subclassed(CLASSES),
        r"a model without a graph\. Pass input_shape=\(height, width, channels\)\.$",
        lambda m: {"given": m, "input_shape": SHAPE, "input_range": (-1, 1)},
    ),
    "values of an unknown range": (
        lambda: model(lambda i: head(i * 2.0)),
        r"Pass input_range=\(0, 255\), \(0, 1\) or \(-1, 1\), as in its training\.$",
        lambda m: {"given": m, "input_range": (0, 255)},
    ),
    "probabilities that nothing tells from logits": (
        lambda: model(lambda i: 1 / (1 + keras.ops.exp(-head(i)))),
        r"Pass activation='sigmoid' if each output is a probability, activation='linear' if",
        lambda m: {"given": m, "activation": "sigmoid"},
    ),
    "a sparsemax": (
        lambda: model(lambda i: L.Dense(CLASSES, activation="sparsemax")(flat(i))),
        r"sparsemax \('dense.*'\), which cannot be undone\. Give keras_kd\.models\.to_logits\(",
        lambda m: {"given": to_logits(m)},
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_advice_of_a_refusal_works(name):
    make, message, follow = MISTAKES[name]
    given = make()
    with pytest.raises(ValueError, match=message) as refusal:
        load(given)
    assert "Received: " in str(refusal.value) and "\n" not in str(refusal.value)
    loaded = load(**follow(given))
    logits = loaded(np.zeros((2, *SHAPE), "float32"))
    assert logits.shape == (2, CLASSES)
