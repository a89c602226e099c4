"""The engines: any batch size, inside a compiled step, and where which may run."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from frozen_networks import NETWORKS, assert_close, pictures

from keras_kd import KDModel
from keras_kd.methods import SoftTargets
from keras_kd.models.taps import tapped
from keras_kd.teachers.frozen import engines, freeze
from keras_kd.teachers.frozen.fold import flatten


@pytest.mark.parametrize("engine", ["xla", "litert"])
def test_engines_take_any_batch_size(small, engine):
    teacher = freeze(small, engine=engine, batch_size=4, taps=["stage2"])
    for count in (4, 1, 3, 5, 4):
        x = pictures(small, count)
        reference = tapped(small, ["stage2"])(x, training=False)
        outputs = teacher(x)
        traced = tf.function(teacher)(x)
        for name in reference:
            assert_close(outputs[name], reference[name])
            assert_close(traced[name], reference[name])


def test_litert_teaches_a_student_that_xla_compiles(small):
    x, trained = pictures(small, 4), []
    for teacher in (small, freeze(small, engine="litert", batch_size=4)):
        keras.utils.set_random_seed(1)
        layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(5)]
        kd = KDModel(keras.Sequential(layers), teacher, SoftTargets())
        kd.compile(keras.optimizers.SGD(0.1), jit_compile=True)
        kd.fit(x, batch_size=4, verbose=0)
        trained.append(kd.get_weights())
    for a, b in zip(*trained, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_litert_is_tried_where_it_may_win(monkeypatch):
    tried = lambda name: engines.litert_may_win(flatten(NETWORKS[name]()))  # noqa: E731
    assert tried("resnet") and not tried("resnet50")  # 94 MB without depthwise convolutions
    monkeypatch.setattr(engines, "SMALL_BYTES", 0)
    assert tried("mobilenet") and not tried("resnet")
