"""A frozen teacher teaches the same on one replica and on two, by constants and by variables."""

import importlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd import KDModel, models
from keras_kd.data.assembly import options as untuned
from keras_kd.methods import SoftTargets
from keras_kd.teachers.frozen import freeze

CLASSES = 5


def teacher_and_student():
    keras.utils.set_random_seed(0)
    teacher = models.bit_resnet((1, 1), 0.25, CLASSES, (8, 8, 1), norm="batch", small_root=True)
    kernel = teacher.get_layer("logits").kernel
    kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
    # A linear student shows what the teacher says as it is: through convolutions and group norm,
    # whose kernels follow the batch size on some processors, rounding grows a hundredfold a step.
    images = keras.Input((8, 8, 1))
    return teacher, keras.Model(images, keras.layers.Dense(CLASSES)(keras.layers.Flatten()(images)))


def trained_weights(strategy, engine):
    x = np.random.default_rng(1).uniform(-1, 1, (24, 8, 8, 1)).astype("float32")
    with strategy.scope():
        teacher, student = teacher_and_student()
        replicas = strategy.num_replicas_in_sync
        frozen = freeze(teacher, engine=engine, batch_size=8 // replicas)
        kd = KDModel(student, frozen, SoftTargets(), fidelity=True)
        kd.compile(keras.optimizers.SGD(0.5))
    kd.fit(tf.data.Dataset.from_tensor_slices(x).batch(8).with_options(untuned()), verbose=0)
    assert np.isfinite(
        kd.evaluate(
            tf.data.Dataset.from_tensor_slices(x).batch(10).with_options(untuned()), verbose=0
        )
    ).all()
    return kd.get_weights()


@pytest.mark.parametrize(
    ("engine", "limit"),
    [
        pytest.param("graph", 0, marks=pytest.mark.slow),
        pytest.param("xla", 2**20, marks=pytest.mark.slow),
        ("xla", 0),
        ("auto", 2**20),
    ],
)
def test_one_and_two_replicas_learn_the_same(make_strategy, monkeypatch, engine, limit):
    module = importlib.import_module("keras_kd.teachers.frozen.freeze")
    monkeypatch.setattr(module, "MAX_CONSTANT_BYTES", limit)
    one = trained_weights(make_strategy(1), "keras")
    two = trained_weights(make_strategy(2), engine)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_litert_is_for_one_replica(make_strategy):
    with (
        make_strategy(2).scope(),
        pytest.raises(ValueError, match="LiteRT serves one replica only"),
    ):
        freeze(teacher_and_student()[0], engine="litert")
