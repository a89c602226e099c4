"""The ensemble against the mean of softmaxes in float64."""

import keras
import numpy as np
import pytest

from keras_kd.models import resnet
from keras_kd.teachers import Ensemble
from keras_kd.teachers.ensemble import LogMeanProbability


def softmax(logits):
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


@pytest.mark.parametrize("weights", [None, [3.0, 1.0]])
def test_softmax_of_the_logits_is_the_mean_probability(weights):
    teachers = [resnet(8, 0.5, 4, (8, 8, 1)) for _ in range(2)]
    x = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype("float32")
    for teacher in teachers:
        teacher.get_layer("logits").bias.assign(np.random.default_rng(1).normal(size=4) * 3)
    shares = np.array([0.5, 0.5] if weights is None else [0.75, 0.25])
    single = np.stack([softmax(np.asarray(t(x), "float64")) for t in teachers])
    model = Ensemble(teachers, weights)
    expected = np.log(np.tensordot(shares, single, 1))
    np.testing.assert_allclose(model(x), expected, atol=1e-5)
    assert model.output_shape == (None, 4) and model.trainable_variables == []


def test_kl_to_the_mean_is_the_mean_kl_up_to_a_constant():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 1, 5)) * 3
    target = np.asarray(LogMeanProbability([1 / 3] * 3)(list(logits.astype("float32"))), "float64")

    def kl(p, q):
        return (p * (np.log(p) - np.log(q))).sum()

    gaps = []
    for student in softmax(rng.normal(size=(4, 1, 5))):
        gaps.append(np.mean([kl(softmax(one), student) for one in logits]))
        gaps[-1] -= kl(np.exp(target), student)
    np.testing.assert_allclose(gaps, gaps[0], atol=1e-5)


def test_extreme_logits_stay_finite():
    logits = [np.array([[1e4, -1e4, 0.0]], "float32"), np.array([[-1e4, 1e4, 0.0]], "float32")]
    output = LogMeanProbability([0.5, 0.5])(logits)
    np.testing.assert_allclose(output, [[np.log(0.5), np.log(0.5), -1e4 + np.log(1)]], rtol=1e-4)


def test_one_teacher_is_itself_and_saves(tmp_path):
    teacher = resnet(8, 0.5, 4, (8, 8, 1))
    x = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype("float32")
    model = Ensemble([teacher])
    expected = keras.ops.softmax(teacher(x))
    np.testing.assert_allclose(keras.ops.softmax(model(x)), expected, atol=1e-6)
    pair = Ensemble([teacher, resnet(8, 1.0, 4, (8, 8, 1))], [1, 2])
    pair.save(tmp_path / "pair.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "pair.keras")(x), pair(x))


def test_refusals():
    one = resnet(8, 0.5, 4, (8, 8, 1))
    with pytest.raises(ValueError, match="at least one model"):
        Ensemble([])
    with pytest.raises(ValueError, match="one class count"):
        Ensemble([one, resnet(8, 0.5, 5, (8, 8, 1))])
    with pytest.raises(ValueError, match="one input shape"):
        Ensemble([one, resnet(8, 0.5, 4, (16, 8, 1))])
    for weights in ([1.0], [1.0, 0.0], [1.0, float("nan")]):
        with pytest.raises(ValueError, match="one positive number per teacher"):
            Ensemble([one, one], weights)
