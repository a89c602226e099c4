"""What a model answers: one logit as two classes, and the logits among several outputs."""

import keras
import numpy as np
import pytest

from keras_kd.models.output import (
    UnknownOutput,
    as_two_classes,
    find_logits,
    named_outputs,
    outputs_of,
    two_classes,
)

L = keras.layers


def test_one_logit_is_two_classes():
    z = np.array([[-2.0], [0.0], [3.0]], "float32")
    for given in (z, keras.ops.convert_to_tensor(z)):
        pair = np.asarray(two_classes(given), np.float64)
        np.testing.assert_array_equal(pair, [[0, -2], [0, 0], [0, 3]])
    probabilities = np.exp(pair) / np.exp(pair).sum(-1, keepdims=True)
    np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-z[:, 0].astype("float64"))))
    assert two_classes(pair) is pair


def test_the_outputs_dict_of_every_answer():
    z, features = np.zeros((2, 1)), np.ones((2, 7))
    assert outputs_of(z)["logits"].shape == (2, 2)
    assert outputs_of([z])["logits"].shape == (2, 2)
    given = {"logits": z, "features": features}
    found = outputs_of(given)
    assert found.keys() == given.keys() and found["features"] is features
    assert found["logits"].shape == (2, 2) and given["logits"] is z


def test_a_model_of_one_logit_as_one_of_two():
    images = np.random.default_rng(0).uniform(-1, 1, (5, 4)).astype("float32")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, L.Dense(1)(inputs))
    pair = as_two_classes(model)
    np.testing.assert_array_equal(pair(images)[:, 1:], model(images))
    np.testing.assert_array_equal(pair(images)[:, :1], np.zeros((5, 1)))
    assert as_two_classes(pair) is pair


def test_outputs_have_the_names_of_their_keys_or_layers():
    images = keras.Input((4,))
    one, two = L.Dense(2, name="one")(images), L.Dense(3, name="two")(images)
    assert named_outputs({"a": one, "b": two}) == {"a": one, "b": two}
    assert named_outputs([one, two]) == {"one": one, "two": two}
    assert named_outputs(one) == {"logits": one}
    inner = keras.Model(images, [one, two], name="inner")
    assert list(named_outputs(inner(images))) == ["0", "1"]  # one layer made both
    assert list(named_outputs([np.zeros(2), np.ones(3)])) == ["0", "1"]


SHAPES = {"features": (None, 9), "map": (None, 4, 4, 5), "head": (None, 5), "other": (None, 7)}


@pytest.mark.parametrize(
    ("shapes", "wanted", "num_classes", "name"),
    [
        (SHAPES, "", 5, "head"),  # the only one of the right size
        (SHAPES, "other", 5, "other"),
        ({**SHAPES, "logits": (None, 3)}, "", 5, "logits"),
        ({**SHAPES, "logits": (None, 3)}, "head", None, "head"),
        ({"anything": (None, 3)}, "", 5, "anything"),
        ({"a": (None, 1), "b": (None, 8)}, "", 2, "a"),  # one logit is two classes
    ],
)
def test_the_logits_among_outputs(shapes, wanted, num_classes, name):
    assert find_logits(shapes, wanted, num_classes) == name


@pytest.mark.parametrize(
    ("shapes", "wanted", "num_classes", "message", "likeliest"),
    [
        (
            SHAPES,
            "hed",
            5,
            r"output='hed'\. Did you mean 'head'\? Outputs there are: 'feat",
            "head",
        ),
        (
            SHAPES,
            "",
            None,
            r"outputs 'features' \(None, 9\), 'map' .* Pass output='features'",
            None,
        ),
        ({"a": (None, 5), "b": (None, 5)}, "", 5, r"Pass output='a', or another", "a"),
        (SHAPES, "", 4, "must be said", "features"),
    ],
)
def test_what_no_rule_finds_is_asked_for(shapes, wanted, num_classes, message, likeliest):
    with pytest.raises(UnknownOutput, match=message) as error:
        find_logits(shapes, wanted, num_classes)
    assert error.value.likeliest == (likeliest or "features")
