"""Sizes of maps, and what all feature methods refuse."""

import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd.methods import METHODS
from keras_kd.methods.features import FeatureMethod, average_pool, nearest_resize, unit

FEATURE_METHODS = sorted(name for name, cls in METHODS.items() if issubclass(cls, FeatureMethod))


def taps(name):
    count = METHODS[name].least_taps
    return {
        side: [f"{side[0]}{i}" for i in range(count)] for side in ("student_taps", "teacher_taps")
    }


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 2), (4, 5), (7, 6)])
def test_average_pooling_is_pytorchs(rng, numpy, size):
    x = rng.normal(size=(2, 7, 6, 3))
    got = average_pool(tf.constant(x, tf.float32), *size)
    np.testing.assert_allclose(got, numpy.pool(x, *size), atol=1e-6)


@pytest.mark.parametrize(("size", "target"), [(2, 4), (3, 7), (5, 3), (1, 4)])
def test_nearest_resizing_is_pytorchs(rng, size, target):
    x = rng.normal(size=(2, size, size, 3))
    index = [int(np.floor(i * size / target)) for i in range(target)]
    got = nearest_resize(tf.constant(x, tf.float32), target, target)
    np.testing.assert_allclose(got, x[:, index][:, :, index], rtol=1e-6)


def test_unit_vectors_have_a_gradient_at_zero():
    x = tf.Variable([[0.0, 0.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        y = unit(x)
    np.testing.assert_allclose(y, [[0, 0], [0.6, 0.8]], rtol=1e-6)
    assert np.isfinite(tape.gradient(y, x)).all()


@pytest.mark.parametrize("name", FEATURE_METHODS)
@pytest.mark.parametrize("shape", [(None, None, None, 4), (None, 9, 4)])
def test_taps_that_are_no_maps_of_known_size_are_refused(name, shape):
    method = METHODS[name](**taps(name))
    student, teacher = (dict.fromkeys(side, shape) for side in taps(name).values())
    with pytest.raises(ValueError, match=rf"{name} needs maps .* student tap 's0'"):
        method.build({}, student, teacher)


@pytest.mark.parametrize("name", sorted(set(FEATURE_METHODS) - {"ReviewKD"}))
def test_a_map_does_not_meet_a_vector(name):
    method = METHODS[name](**taps(name))
    student = dict.fromkeys(method.student_taps, (None, 4, 4, 3))
    with pytest.raises(ValueError, match=r"teacher tap 't0' \(None, 3\)"):
        method.build({}, student, dict.fromkeys(method.teacher_taps, (None, 3)))


@pytest.mark.parametrize("name", FEATURE_METHODS)
def test_taps_are_required(name):
    with pytest.raises(ValueError, match=f"{name} m"):
        METHODS[name]()


def test_a_teacher_without_features_says_so():
    """As a hub module: an object with nothing but a call."""

    class Opaque(tf.keras.Model):
        def call(self, x):
            return tf.zeros((tf.shape(x)[0], 3))

    inputs = tf.keras.Input((8, 8, 3))
    x = tf.keras.layers.Conv2D(4, 3, name="features")(inputs)
    x = tf.keras.layers.Dense(3)(tf.keras.layers.GlobalAveragePooling2D()(x))
    method = METHODS["AttentionTransfer"](student_taps=["features"], teacher_taps=["features"])
    with pytest.raises(ValueError, match=r"Taps need a functional.*Opaque.*logits only"):
        keras_kd.KDModel(tf.keras.Model(inputs, x), Opaque(), method)


@pytest.mark.parametrize("name", ["NST", "Hint", "SimKD"])
def test_a_saved_model_as_teacher_has_no_features_to_tap(name, tmp_path):
    student = keras_kd.models.resnet(depth=8, width=0.25, num_classes=3, input_shape=(8, 8, 3))
    student.export(str(tmp_path), verbose=False)
    teacher = keras_kd.teachers.load(str(tmp_path), input_shape=(8, 8, 3), input_range=(-1, 1))
    method = METHODS[name](student_taps=["stage3"], teacher_taps=["stage3"])
    with pytest.raises(ValueError, match=r"shows its logits and no features.*SoftTargets"):
        keras_kd.KDModel(method.prepare_student(student, teacher), teacher, method)
