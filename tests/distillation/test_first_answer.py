"""Sources whose graph nobody sees: what they answer is looked at before the first step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd.methods import SoftTargets

CLASSES = 3
X = np.random.default_rng(0).uniform(-1, 1, (8, 8, 8, 3)).astype("float32")
KERNEL = np.random.default_rng(1).normal(size=(192, CLASSES)).astype("float32") / 14


def student():
    images = keras.Input((8, 8, 3))
    return keras.Model(images, keras.layers.Dense(CLASSES)(keras.layers.Flatten()(images)))


class Teacher(keras.Model):
    """A subclassed model: what it makes of logits is hidden in its `call`."""

    def __init__(self, end):
        super().__init__()
        self.end = end

    def call(self, images):
        return self.end(tf.reshape(images, (-1, 192)) @ KERNEL)


def function(end):
    return lambda images, training=False: end(tf.reshape(images, (-1, 192)) @ KERNEL)


def wrapped(model):
    images = keras.Input((8, 8, 3))
    return keras.Model(images, model(images))


def loss(teacher):
    kd = keras_kd.KDModel(student(), teacher, SoftTargets())
    kd.student.set_weights([np.zeros((192, CLASSES)), np.zeros(CLASSES)])
    kd.compile(keras.optimizers.SGD(0.0))
    return kd.fit(X, verbose=0).history["loss"][0]


def expected():
    """KL of the teacher's probabilities to equal ones: log K less the teacher's entropy."""
    z = X.reshape(-1, 192).astype("float64") @ KERNEL
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    return np.mean(np.log(CLASSES) + np.sum(p * np.log(p), axis=-1))


@pytest.mark.parametrize("kind", [Teacher, function, lambda end: wrapped(Teacher(end))])
def test_its_logits_are_followed_and_probabilities_are_refused(kind):
    assert loss(kind(lambda z: z)) == pytest.approx(expected(), rel=1e-4)
    with pytest.raises(ValueError, match=r"^The teacher must end in logits.*gives probabilities"):
        loss(kind(tf.nn.softmax))


def test_the_advice_works():
    images = keras.Input((8, 8, 3))
    undo = keras_kd.models.answers.LogProbabilities("probabilities")
    teacher = keras.Model(images, undo(Teacher(tf.nn.softmax)(images)))
    assert loss(teacher) == pytest.approx(expected(), rel=1e-4)


@pytest.mark.parametrize("kind", [Teacher, function])
@pytest.mark.parametrize(
    "end, said",
    [
        (lambda z: (z, z), r"gives 2 outputs for 2 images"),
        (lambda z: {"scores": z}, r"gives a dict without 'logits' for 2 images"),
        (lambda z: tf.reshape(z, (-1, 1, CLASSES)), r"gives \(2, 1, 3\) for 2 images"),
        (lambda z: tf.reduce_sum(z), r"gives \(\) for 2 images"),
        (
            lambda z: tf.reshape(z, (-1, 7)),
            r"which fails: .*reshape.*A source is a Keras model, or",
        ),
    ],
)
def test_whatever_is_no_logits_is_told_in_one_sentence(kind, end, said):
    with pytest.raises(ValueError, match=rf"^The teacher must .*Received: .*{said}") as refusal:
        keras_kd.KDModel(student(), kind(end), SoftTargets())
    assert "\n" not in str(refusal.value)


def test_a_builder_in_a_networks_place_is_told():
    with pytest.raises(ValueError, match=r"^The teacher must answer images .* fails: "):
        keras_kd.KDModel(student(), keras.applications.MobileNetV2, SoftTargets())
