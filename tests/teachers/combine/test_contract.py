"""What every combination keeps to, found by itself as they are."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from keras_kd.models import resnet
from keras_kd.teachers import Ensemble, combine, freeze

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (6, 8, 8, 1)).astype("float32")
Y = RNG.integers(0, 4, 6)
SEED = np.array([3, 5], "int64")


@pytest.fixture(scope="module")
def members():
    found = [resnet(8, 0.25, 4, (8, 8, 1)) for _ in range(3)]
    for one in found:
        head = one.get_layer("logits")
        head.kernel.assign(RNG.normal(size=head.kernel.shape))
    return found


def normal(logits):
    return log_softmax(np.asarray(logits, "float64"), axis=-1)


@pytest.mark.parametrize("name", combine.COMBINATIONS)
def test_one_teacher_is_itself(name, members):
    own = {"drop_teachers": {"drop": 0}}.get(name, {})  # else nobody would stay
    ensemble = Ensemble(members[:1], combine=name, **own)
    expected = normal(members[0](X))
    np.testing.assert_allclose(normal(ensemble(X)), expected, atol=1e-5)
    np.testing.assert_allclose(normal(ensemble.outputs_at(X, SEED, Y)), expected, atol=1e-5)


@pytest.mark.parametrize("name", combine.COMBINATIONS)
def test_teachers_that_agree_teach_what_each_would(name, members):
    ensemble = Ensemble([members[1]] * 3, combine=name)
    expected = normal(members[1](X))
    np.testing.assert_allclose(normal(ensemble(X)), expected, atol=1e-5)
    np.testing.assert_allclose(normal(ensemble.outputs_at(X, SEED, Y)), expected, atol=1e-5)


@pytest.mark.parametrize("name", combine.COMBINATIONS)
def test_it_saves_and_freezes(name, members, tmp_path):
    ensemble = Ensemble(members, combine=name)
    ensemble.save(tmp_path / "both.keras")
    again = keras.models.load_model(tmp_path / "both.keras")
    np.testing.assert_array_equal(again(X), ensemble(X))
    step = ensemble.outputs_at(X, SEED, Y)
    np.testing.assert_array_equal(again.outputs_at(X, SEED, Y), step)
    frozen = freeze(ensemble, engine="graph")
    np.testing.assert_allclose(frozen(X), ensemble(X), atol=1e-4)
    if ensemble.combination().in_batch:
        inside = tf.function(frozen.outputs_at)(X, tf.constant(SEED), tf.constant(Y))
        np.testing.assert_allclose(inside, step, atol=1e-4)


@pytest.mark.parametrize("name", combine.COMBINATIONS)
def test_sure_and_absurd_answers_stay_finite(name):
    logits = [np.array([[1e4, -1e4, 0.0]], "float32"), np.array([[-1e4, 1e4, 0.0]], "float32")]
    one = combine.get(name, 2, num_classes=3)
    assert np.isfinite(one(logits)).all()
    taught = one.teach([lambda z=z: tf.constant(z) for z in logits], SEED, tf.constant([0]))
    assert np.isfinite(taught).all()
