"""Noise in place of images: the student takes the steps of soft targets on it."""

import keras
import numpy as np
import tensorflow as tf

import keras_kd
from keras_kd.data.random_streams import stream_seed
from keras_kd.methods import RandomNoise, SoftTargets


def network(seed):
    keras.utils.set_random_seed(seed)
    return keras_kd.models.resnet(
        depth=8, width=0.25, num_classes=4, input_shape=(8, 8, 1), norm="group"
    )


def test_equals_soft_targets_on_the_noise_of_the_step():
    kd = keras_kd.KDModel(network(1), network(2), RandomNoise(temperature=2.0), seed=5)
    kd.compile(keras.optimizers.SGD(0.1))
    plain = keras_kd.KDModel(network(1), network(2), SoftTargets(temperature=2.0))
    plain.compile(keras.optimizers.SGD(0.1))
    for step in range(2):
        kd.train_on_batch({"id": np.arange(6)})
        key = stream_seed(5, "network/noise", step)
        noise = tf.random.stateless_normal((6, 8, 8, 1), key, alg="philox")
        plain.train_on_batch(tf.clip_by_value(noise, -1.0, 1.0).numpy())
    for one, other in zip(kd.student.weights, plain.student.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    assert list(kd.learners) == ["student"]
