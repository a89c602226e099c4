"""Fidelity on hand-made logits whose answers are known."""

import keras
import numpy as np
import pytest

from keras_kd.evaluation import agreement, fidelity, kl_divergence, top1


def constant(logits):
    """A model that answers with the given rows of logits, whatever it sees."""
    inputs = keras.Input((len(logits[0]),))
    return keras.Model(inputs, keras.layers.Lambda(lambda x: x * 1.0)(inputs))


def test_known_values():
    teacher = np.log([[0.75, 0.25], [0.5, 0.5]])
    student = np.log([[0.5, 0.5], [0.5, 0.5]])
    expected = [0.75 * np.log(1.5) + 0.25 * np.log(0.5), 0.0]
    np.testing.assert_allclose(kl_divergence(teacher, student), expected, atol=1e-6)
    np.testing.assert_array_equal(
        agreement([[1.0, 2.0], [2.0, 1.0]], [[0.0, 9.0], [0.0, 9.0]]), [1, 0]
    )


def test_top1_takes_classes_and_probabilities():
    logits = np.array([[0.0, 1.0, 0.5], [3.0, 1.0, 0.5]])
    np.testing.assert_array_equal(top1(np.array([1, 1]), logits), [1, 0])
    np.testing.assert_array_equal(top1(np.array([[1], [1]]), logits), [1, 0])
    mixed = np.array([[0.1, 0.7, 0.2], [0.6, 0.4, 0.0]])
    np.testing.assert_array_equal(top1(mixed, logits), [1, 1])


def test_means_are_over_examples_not_batches():
    rng = np.random.default_rng(0)
    t, s = rng.normal(size=(2, 7, 4))
    labels = rng.integers(0, 4, 7)
    data = [({"teacher": t[a:b], "student": s[a:b]}, labels[a:b]) for a, b in ((0, 5), (5, 7))]
    result = fidelity(constant(s), constant(t), data)

    def log_softmax(z):
        return z - np.log(np.exp(z).sum(-1, keepdims=True))

    kl = (np.exp(log_softmax(t)) * (log_softmax(t) - log_softmax(s))).sum(-1)
    assert result == pytest.approx(
        {
            "kl": kl.mean(),
            "agreement": (t.argmax(-1) == s.argmax(-1)).mean(),
            "student_accuracy": (s.argmax(-1) == labels).mean(),
            "teacher_accuracy": (t.argmax(-1) == labels).mean(),
        },
        rel=1e-5,
    )


def test_no_data_is_refused():
    with pytest.raises(ValueError, match="no batches"):
        fidelity(None, None, [])
