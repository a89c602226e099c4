"""A SavedModel teacher and a fine-tuned SavedModel backbone do the same on one and two replicas."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hub_modules import KERNEL, KINDS, save

import keras_kd
from keras_kd.data.assembly import options as untuned
from keras_kd.methods import SoftTargets

CLASSES = 5


class Features(tf.Module):
    """What a hub module of the BiT kind looks like: images to features, variables by name."""

    def __init__(self):
        super().__init__()
        rng = np.random.default_rng(0)
        self.kernel = tf.Variable(rng.normal(size=(3, CLASSES)).astype("float32"))

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 3], tf.float32)])
    def __call__(self, images):
        return tf.reduce_mean(images, axis=(1, 2)) @ self.kernel


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("hub") / "module")
    tf.saved_model.save(Features(), path)
    return path


def batches():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, size=(24, 8, 8, 3)).astype("float32")
    return (
        tf.data.Dataset.from_tensor_slices((x, rng.integers(0, CLASSES, 24)))
        .batch(8)
        .with_options(untuned())
    )


def student():
    keras.utils.set_random_seed(1)
    images = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(images)
    return keras.Model(images, keras.layers.Dense(CLASSES)(x))


def test_as_a_teacher(make_strategy, saved):
    trained = []
    for replicas in (1, 2):
        with make_strategy(replicas).scope():
            teacher = keras_kd.teachers.load(saved, CLASSES, (8, 8, 3), input_range=(-1, 1))
            kd = keras_kd.KDModel(student(), teacher, SoftTargets())
            kd.compile(keras.optimizers.SGD(1.0))
        kd.fit(batches(), verbose=0)
        trained.append(kd.get_weights())
    for a, b in zip(*trained):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_as_a_backbone_that_is_fine_tuned(make_strategy, saved):
    trained = []
    for replicas in (1, 2):
        with make_strategy(replicas).scope():
            keras.utils.set_random_seed(1)
            network = keras_kd.models.hub(
                saved, CLASSES, (8, 8, 3), input_range=(-1, 1), trainable=True
            )
            kd = keras_kd.KDModel(network, label_weight=1.0)
            kd.compile(keras.optimizers.SGD(1.0))
        before = kd.get_weights()
        kd.fit(batches(), verbose=0)
        assert len(kd.trainable_variables) == 3
        assert all(np.abs(a - b).max() > 0 for a, b in zip(before, kd.get_weights()))
        trained.append(kd.get_weights())
    for a, b in zip(*trained):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_its_variables_are_mirrored(make_strategy, tmp_path, kind):
    with make_strategy(1).scope():
        model = keras_kd.models.hub(
            save(kind, str(tmp_path / kind)), 4, (8, 8, 3), (-1, 1), trainable=True, head=False
        )
        model.compile(optimizer=keras.optimizers.SGD(0.5), loss="mse", jit_compile=False)
    assert isinstance(model.trainable_variables[0].value, tf.distribute.DistributedValues)
    x = np.random.default_rng(1).uniform(-1, 1, (4, 8, 8, 3)).astype("float32")
    model.train_on_batch(x, np.ones((4, 4), "float32"))
    assert np.abs(model.trainable_variables[0].numpy() - KERNEL).max() > 1e-3


def test_its_answers_inside_the_scope_are_those_outside(make_strategy, saved):
    expected = None
    for replicas in (1, 2):
        with make_strategy(replicas).scope():
            teacher = keras_kd.teachers.load(saved, CLASSES, (8, 8, 3), input_range=(-1, 1))
            answers = keras_kd.evaluation.teacher_answers(teacher, batches())
        expected = answers if expected is None else expected
        for (a,), (b,) in zip(answers, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
