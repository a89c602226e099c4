"""What is logged: means over examples, whatever the batches, and nothing that has no labels."""

import keras
import numpy as np
import pytest

from keras_kd import KDModel
from keras_kd.methods import SoftTargets


def linear():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])


def log_softmax(logits):
    logits = np.asarray(logits, "float64")
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


@pytest.fixture
def kd():
    found = KDModel(linear(), linear(), SoftTargets(temperature=1.0), fidelity=True)
    found.compile(keras.optimizers.SGD(0.0), metrics=["accuracy"], run_eagerly=True)
    return found


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def test_a_batch_counts_by_its_examples(kd, images):
    """Five images in batches of four and one."""
    student, teacher = (log_softmax(model(images)) for model in (kd.student, kd.teacher))
    kl = np.sum(np.exp(teacher) * (teacher - student), axis=-1)
    assert abs(kl[:4].mean() + kl[4]) / 2 != pytest.approx(kl.mean(), rel=1e-3)
    found = kd.evaluate(images, batch_size=4, return_dict=True, verbose=0)
    assert found.keys() == {"kl", "agreement"}
    assert found["kl"] == pytest.approx(kl.mean(), rel=1e-5)
    assert found["agreement"] == pytest.approx(np.mean(student.argmax(1) == teacher.argmax(1)))
    logs = kd.fit(images, batch_size=4, shuffle=False, verbose=0).history
    assert logs.keys() == {"loss", "soft_targets"}
    assert logs["loss"] == logs["soft_targets"] == pytest.approx([kl.mean()], rel=1e-5)


def test_metrics_come_with_labels_and_go_without(kd, images):
    labels = kd.student(images).numpy().argmax(1)
    labels[0] = (labels[0] + 1) % 3
    found = kd.evaluate(images, labels, batch_size=4, return_dict=True, verbose=0)
    assert found["accuracy"] == pytest.approx(0.8)
    assert "accuracy" not in kd.evaluate(images, batch_size=4, return_dict=True, verbose=0)
