"""Teachers of some classes: loaded by their names, alone and together."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from keras_kd import teachers
from keras_kd.models import resnet
from keras_kd.models.some_classes import UNKNOWN, knowing, known_classes, only
from keras_kd.teachers.ensemble import recombined

NAMES = ("ant", "bee", "cow", "dog")


def network(count, seed):
    model = resnet(8, 0.25, count, (8, 8, 1))
    head = model.get_layer("logits")
    head.kernel.assign(np.random.default_rng(seed).normal(size=head.kernel.shape))
    return model


def load(model, classes, **kwargs):
    return teachers.load(model, NAMES, (8, 8, 1), classes=classes, **kwargs)


def test_classes_that_it_lacks_are_unknown(tmp_path):
    model = network(3, 0)
    found = load(model, ["dog", "elk", "ant"], some_classes=True)
    x = np.random.default_rng(0).uniform(-1, 1, (5, 8, 8, 1)).astype("float32")
    own, given = np.asarray(model(x)), np.asarray(found(x))
    np.testing.assert_allclose(given[:, [3, 0]], own[:, [0, 2]], rtol=1e-6)
    assert (given[:, 1:3] == UNKNOWN).all() and known_classes(found) == [0, 3]
    assert known_classes(model) is None
    found.save(tmp_path / "some.keras")
    assert known_classes(keras.models.load_model(tmp_path / "some.keras")) == [0, 3]


def test_two_halves_that_overlap_are_one_teacher():
    halves = load(network(3, 0), ["bee", "ant", "cow"], some_classes=True)
    others = load(network(2, 1), ["dog", "cow"], some_classes=True)
    both = teachers.Ensemble([halves, others], combine="unite_classes")
    x = np.random.default_rng(0).uniform(-1, 1, (5, 8, 8, 1)).astype("float32")
    found, first, second = (log_softmax(np.asarray(m(x))[:, c], axis=-1) for m, c in (
        (both, [0, 1, 2]), (halves, [0, 1, 2]), (both, [2, 3])))  # fmt: skip
    np.testing.assert_allclose(found, first, atol=1e-5)
    own = log_softmax(np.asarray(others(x))[:, [2, 3]], axis=-1)
    np.testing.assert_allclose(second, own, atol=1e-5)
    frozen = teachers.freeze(both, engine="graph")
    np.testing.assert_allclose(frozen(x), both(x), atol=1e-4)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="combine them by 'unite_classes'"):
        load(network(2, 0), ["ant", "bee"])
    with pytest.raises(ValueError, match="must know the classes of the data"):
        load(network(2, 0), ["x", "y"], some_classes=True)
    some = load(network(2, 0), ["ant", "bee"], some_classes=True)
    with pytest.raises(ValueError, match=r"knows 2 of the 4. Add a teacher of the others"):
        recombined(some, "unite_classes")
    with pytest.raises(ValueError, match="Combine them by 'unite_classes'"):
        teachers.Ensemble([some, network(4, 1)])
    with pytest.raises(ValueError, match="those of index 2, 3"):
        teachers.Ensemble([some, some], combine="unite_classes")


def test_a_network_of_some_classes_learns_as_one_of_these_alone():
    """Softmax and gradients are those of its own logits; nothing comes of the others."""
    plain = network(2, 0)
    some = knowing(plain, [3, 1], 4)
    x = np.random.default_rng(0).uniform(-1, 1, (5, 8, 8, 1)).astype("float32")
    own, given = np.asarray(plain(x)), np.asarray(some(x))
    np.testing.assert_array_equal(given[:, [3, 1]], own)
    np.testing.assert_allclose(log_softmax(given, axis=-1)[:, [3, 1]], log_softmax(own, axis=-1))
    assert some.output.dtype == "float32" and known_classes(some) == [1, 3]
    assert knowing(plain, [], 2) is plain and knowing(plain, [0, 1], 2) is plain


def test_only_some_logits_are_seen_and_moved():
    logits = tf.constant([[1.0, 5.0, 2.0], [0.0, 7.0, -1.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        found = tf.nn.log_softmax(only([0, 2], logits))
        loss = -tf.reduce_sum(found[:, 0])
    expected = log_softmax(np.asarray(logits)[:, [0, 2]], axis=-1)
    np.testing.assert_allclose(np.asarray(found)[:, [0, 2]], expected, rtol=1e-6)
    slope = np.asarray(tape.gradient(loss, logits))
    assert (slope[:, 1] == 0).all()
    np.testing.assert_allclose(slope[:, 0], np.exp(expected[:, 0]) - 1, rtol=1e-5)
    assert only(None, logits) is logits or (np.asarray(only(None, logits)) == logits).all()
