"""Logits made of probabilities: closed forms in float64, limits, and that files keep them."""

import keras
import numpy as np
import pytest

from keras_kd.models.answers import (
    BinaryLogits,
    ClassOrder,
    LogProbabilities,
    is_binary,
    is_normalized,
)

Z = np.random.default_rng(0).normal(0, 3, (6, 4))


def softmax(z):
    return np.exp(z) / np.exp(z).sum(-1, keepdims=True)


@pytest.mark.parametrize("temperature", [1.0, 5.0])
def test_log_probabilities_soften_as_the_logits_do(temperature):
    given = LogProbabilities("probabilities")(softmax(Z).astype("float32")).numpy()
    again = LogProbabilities("log_probabilities")(np.log(softmax(Z)).astype("float32")).numpy()
    for logits in (given, again):
        shift = Z - logits
        np.testing.assert_allclose(shift - shift[:, :1], 0, atol=1e-5)  # one number an example
        np.testing.assert_allclose(
            softmax(logits / temperature), softmax(Z / temperature), rtol=1e-5
        )


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_probabilities_of_0_and_1_stay_finite(dtype):
    p = np.array([[0, 1, 0], [1e-45, 0.5, 0.5]], dtype)
    log_p = LogProbabilities("probabilities")(p).numpy()
    assert log_p.dtype == "float32" and np.isfinite(log_p).all()
    np.testing.assert_allclose(log_p[0], [-87.3365, 0, -87.3365], rtol=1e-5)
    np.testing.assert_allclose(softmax(log_p.astype("float64"))[0], [0, 1, 0], atol=1e-12)
    z = BinaryLogits("probabilities")(p).numpy()
    np.testing.assert_allclose(z[0], [-87.3365, 24 * np.log(2), -87.3365], rtol=1e-5)


def test_binary_logits_are_the_log_odds():
    z = np.linspace(-8, 8, 33)[:, None].repeat(2, 1)
    p = 1 / (1 + np.exp(-z))
    for given, answer in (
        ("probabilities", p),
        ("log_probabilities", np.log(p)),
        ("logits", z),
    ):
        found = BinaryLogits(given)(answer.astype("float32"))
        # Near 1 a float32 probability knows its distance from 1 to 6e-8 only.
        np.testing.assert_allclose(found, z, rtol=1e-4, atol=3e-4)


def test_another_order_of_classes():
    layer = ClassOrder([3, 0, 0 + 1])
    np.testing.assert_array_equal(layer(Z), Z[:, [3, 0, 1]].astype("float32"))
    assert layer.num_outputs == 4 and layer.compute_output_shape((None, 4)) == (None, 3)


def test_a_file_keeps_them_and_their_marks(tmp_path):
    inputs = keras.Input((4,))
    order = ClassOrder([1, 0, 3], name="classes")
    cases = {
        "normalized": order(LogProbabilities("probabilities")(keras.ops.softmax(inputs))),
        "binary": order(BinaryLogits("probabilities")(keras.ops.sigmoid(inputs))),
        "neither": order(inputs),
    }
    for name, output in cases.items():
        model = keras.Model(inputs, output)
        model.save(tmp_path / f"{name}.keras")
        again = keras.models.load_model(tmp_path / f"{name}.keras")
        np.testing.assert_array_equal(again(Z), model(Z))
        for one in (model, again):
            assert is_normalized(one) == (name == "normalized")
            assert is_binary(one) == (name == "binary")
