"""What the losses of a generator share."""

import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd.methods.generated import one_hotness


def test_one_hotness_is_the_cross_entropy_with_the_preferred_class(logits):
    z, _ = logits
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    np.testing.assert_allclose(one_hotness(tf.constant(z)), -np.log(p.max(-1)), rtol=1e-6)
    sure = tf.constant([[0.0, 1e4, 0.0]])
    assert one_hotness(sure).numpy() == [0.0]


def network(side, classes=4):
    return keras_kd.models.resnet(
        depth=8, width=0.25, num_classes=classes, input_shape=(side, side, 1), norm="batch"
    )


def test_student_and_teacher_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match=r"must take one size. Received: \(8, 8, 1\)"):
        keras_kd.KDModel(network(8), network(16), [keras_kd.methods.DAFL(width=2)])


def test_a_folded_teacher_is_refused():
    folded = keras_kd.teachers.freeze(network(8), input_shape=(8, 8, 1))
    methods = [keras_kd.methods.ZSKT(width=2), keras_kd.methods.SoftTargets()]
    with pytest.raises(ValueError, match="folded and compiled"):
        keras_kd.KDModel(network(8), folded, methods)
