"""Deep mutual learning: its steps in closed form, its limits, and cohorts that cannot be."""

import keras
import numpy as np
import pytest
import small_schemes
from small_schemes import batch, linear

from keras_kd import KDModel
from keras_kd.methods import MutualLearning

CLASSES, WIDTH = small_schemes.CLASSES, small_schemes.WIDTH
NAMES = ("student", "second", "third")


def cohort(size, same=False, **arguments):
    """A model of so many matrices that teach each other; `same`: all of them are alike."""
    nets = {n: linear(WIDTH, CLASSES, 1 if same else i) for i, n in enumerate(NAMES[:size])}
    student = nets.pop("student")
    method = MutualLearning(source=tuple(nets), **arguments)
    return KDModel(student, None, method, 1.0, learners=nets)


@pytest.mark.parametrize(("size", "temperature", "weight"), [(2, 1.0, 1.0), (3, 2.0, 0.5)])
def test_all_peers_take_the_steps_of_the_formula(size, temperature, weight, numpy):
    """L_i = CE_i + w T^2 / (M - 1) sum_j KL(p_j || p_i), p_j constant; all step at once."""
    kd = cohort(size, temperature=temperature, weight=weight)
    kd.compile({name: keras.optimizers.SGD(0.3 / (i + 1)) for i, name in enumerate(NAMES[:size])})
    w = {n: net.get_weights()[0].astype("float64") for n, net in kd.learners.items()}
    for step in range(3):
        x, y = (each.numpy() for each in batch(step))
        kd.train_on_batch(x, y)
        x, truth = x.astype("float64"), np.eye(CLASSES)[y]
        soft = {n: numpy.softmax(x @ v / temperature) for n, v in w.items()}
        moved = {}
        for i, (n, v) in enumerate(w.items()):
            others = np.mean([soft[n] - soft[m] for m in w if m != n], axis=0)
            slope = numpy.softmax(x @ v) - truth + weight * temperature * others
            moved[n] = v - 0.3 / (i + 1) * x.T @ slope / len(x)
        w = moved
        for n, net in kd.learners.items():
            np.testing.assert_allclose(net.get_weights()[0], w[n], rtol=0, atol=1e-6)


def test_peers_that_are_alike_learn_as_one_network_alone():
    """A peer that is the student itself teaches it nothing."""
    kd = cohort(3, same=True)
    kd.compile(keras.optimizers.SGD(0.3))
    alone = KDModel(linear(WIDTH, CLASSES, 1), label_weight=1.0)
    alone.compile(keras.optimizers.SGD(0.3))
    for step in range(3):
        logs = kd.train_on_batch(*batch(step), return_dict=True)
        alone.train_on_batch(*batch(step))
        assert logs["mutual_learning"] == pytest.approx(0.0, abs=1e-6)
    expected = alone.student.get_weights()[0]
    for net in kd.learners.values():
        np.testing.assert_allclose(net.get_weights()[0], expected, rtol=0, atol=1e-6)


def test_each_peer_has_a_loss_in_the_logs_and_the_warmup_of_the_method():
    kd = cohort(3, warmup_steps=4)
    assert [m.name for m in kd.methods] == [
        "mutual_learning", "second_mutual_learning", "third_mutual_learning", "second_labels",
        "third_labels", "labels",
    ]  # fmt: skip
    assert [float(m.weight_at(0)) for m in kd.methods[:3]] == [0.25] * 3
    kd.compile(keras.optimizers.SGD(0.1))
    logs = kd.train_on_batch(*batch(0), return_dict=True)
    assert {"loss", "second_loss", "third_loss", "labels", "second_labels"} <= set(logs)
    assert set(kd.beside_student()) == {"second", "third"}


def test_without_labels_none_are_needed():
    kd = KDModel(
        linear(WIDTH, CLASSES, 1), None, MutualLearning(label_weight=0),
        learners={"peer": linear(WIDTH, CLASSES, 2)},
    )  # fmt: skip
    kd.compile(keras.optimizers.SGD(0.1))
    kd.train_on_batch(batch(0)[0])
    assert not any(method.needs_labels for method in kd.methods)


def test_a_peer_that_is_not_there_is_told_of():
    with pytest.raises(ValueError, match="source of mutual_learning must be a network"):
        KDModel(linear(WIDTH, CLASSES, 1), None, MutualLearning(), 1.0)
