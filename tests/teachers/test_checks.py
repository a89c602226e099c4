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
        lambda: model(lambda i: [flat(i), L.Dense(CLASSES)(flat(i))][::-1]),
        r"Cut the model at its logits: keras\.Model\(model\.input, model\.outputs\[0\]\)\.$",
        lambda m: {"given": keras.Model(m.input, m.outputs[0])},
    ),
    "a dict of outputs": (
        lambda: model(lambda i: {"features": flat(i), "logits": head(i)}),
        r"keras\.Model\(model\.input, model\.output\['logits'\]\)\.$",
        lambda m: {"given": keras.Model(m.input, m.output["logits"])},
    ),
    "a dict of one output": (
        lambda: model(lambda i: {"logits": head(i)}),
        r"keras\.Model\(model\.input, model\.output\['logits'\]\)\.$",
        lambda m: {"given": keras.Model(m.input, m.output["logits"])},
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
        lambda m: {"given": m, "input_shape": SHAPE},
    ),
    "values in another range": (
        lambda: model(lambda i: head(L.Rescaling(1 / 127.5, -1.0)(i))),
        r"Pass input_range=\(0, 255\) to have the values converted\.$",
        lambda m: {"given": m, "input_range": (0, 255)},
    ),
    "a softmax layer": (
        lambda: model(lambda i: L.Softmax()(head(i))),
        r"softmax \('softmax.*'\)\. Give keras_kd\.models\.to_logits\(model\)",
        lambda m: {"given": to_logits(m)},
    ),
    "a softmax op": (
        lambda: model(lambda i: keras.ops.softmax(head(i))),
        r"Give keras_kd\.models\.to_logits\(model\)",
        lambda m: {"given": to_logits(m)},
    ),
    "a sigmoid of one logit": (
        lambda: model(lambda i: L.Dense(1, activation="sigmoid")(flat(i))),
        r"applies sigmoid.*Give keras_kd\.models\.to_logits\(model\)",
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
    assert logits.shape == (2, CLASSES if "one logit" not in name else 2)


ENDINGS = {
    "softmax layer": lambda i: L.Softmax()(head(i)),
    "softmax op": lambda i: keras.ops.softmax(head(i)),
    "softmax head in a Sequential": lambda i: keras.Sequential([L.Dense(CLASSES), L.Softmax()])(
        flat(i)
    ),
    "softmax activation layer": lambda i: L.Activation("softmax", dtype="float32")(head(i)),
    "softmax of a dense layer": lambda i: L.Dense(CLASSES, activation="softmax")(flat(i)),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_file_with_a_softmax_is_saved_again_as_advised(name, tmp_path):
    """Case r11."""
    path, other_path = str(tmp_path / "a.keras"), str(tmp_path / "b.keras")
    made = model(ENDINGS[name])
    made.save(path)
    message = r"to_logits\(keras\.models\.load_model\(path\)\)\.save\(other_path\)\.$"
    with pytest.raises(ValueError, match=message):
        teachers.load(path, CLASSES, SHAPE)
    to_logits(keras.models.load_model(path)).save(other_path)
    loaded = teachers.load(other_path, CLASSES, SHAPE)
    x = np.random.default_rng(0).uniform(-1, 1, (4, *SHAPE)).astype("float32")
    z = loaded.predict(x, verbose=0).astype("float64")
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    np.testing.assert_allclose(p, made.predict(x, verbose=0), atol=1e-6)
