"""MEAL: features as vectors, their likeness, and a gradient that is really reversed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd import KDModel
from keras_kd.methods import MEAL
from keras_kd.methods.meal import similarity, told_apart

TAPS = {"student_taps": ["early", "late"], "teacher_taps": ["early", "late"]}


def network(seed, channels):
    keras.utils.set_random_seed(seed)
    images = x = keras.Input((6, 6, 1))
    for name in ("early", "late"):
        x = keras.layers.Conv2D(
            channels, 3, strides=2, padding="same", activation="tanh", name=name
        )(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(images, keras.layers.Dense(3)(x))


def model(**arguments):
    method = MEAL(**TAPS, size=5, **arguments)
    kd = KDModel(network(1, 3), network(2, 4), method, label_weight=0.0)
    return kd


def test_likeness_is_the_cross_entropy_of_softmaxes(rng, numpy):
    t, s = rng.normal(size=(2, 4, 5))
    expected = -(numpy.softmax(t) * np.log(numpy.softmax(s))).sum(-1)
    found = similarity(tf.constant(t, tf.float32), tf.constant(s, tf.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_student_climbs_what_its_critic_descends(rng):
    kd = model(alike=0.0)
    x = rng.normal(size=(4, 6, 6, 1)).astype("float32")
    method = kd.methods[0]
    own = method.vectors(kd.networks["student"].answer({"image": x}), "student")
    fake = told_apart(kd.learners["critic"](own), False).numpy()
    z = np.asarray(kd.learners["critic"](own), "float64")
    np.testing.assert_allclose(fake, np.logaddexp(0, z).sum((1, 2)), rtol=1e-5)
    theirs = method.vectors(kd.networks["teacher"].answer({"image": x}), "teacher")
    real = told_apart(kd.learners["critic"](theirs), True).numpy()
    kd.compile({name: keras.optimizers.SGD(0.0) for name in kd.learners})
    logs = kd.train_on_batch(x, return_dict=True)
    np.testing.assert_allclose(logs["critic_fooled"], -fake.mean(), rtol=1e-4)
    np.testing.assert_allclose(logs["critic_judges"], (real + fake).mean(), rtol=1e-4)


def test_without_a_teacher_at_hand_it_is_refused():
    with pytest.raises(ValueError, match=r"needs all\. Received: 'teacher'"):
        KDModel(network(1, 3), None, MEAL(**TAPS))
