"""Which strategy a command gets, and what a TPU would ask of the train step."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd import data, strategies
from keras_kd.methods import SoftTargets


def test_one_device_needs_no_strategy(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    default = tf.distribute.get_strategy()
    assert strategies.build("one_device") is default
    if len(tf.config.list_logical_devices("GPU")) < 2:
        assert strategies.build("auto") is default
    # A cluster of one is no cluster.
    alone = {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(alone))
    assert strategies.build("auto") is default
    assert strategies.is_chief(default)
    assert strategies.gather(default, 3, 4) == [[3, 4]]


def test_auto_joins_the_cluster_that_tf_config_names(monkeypatch):
    cluster = {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}
    task = {"type": "worker", "index": 1}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
    with pytest.raises(strategies.clusters.WorkerMissing, match=r"worker 0 at 127\.0\.0\.1:1"):
        strategies.build("auto", worker_timeout=0.1)


def test_the_train_step_compiles_wholly_with_static_shapes():
    """What a TPU needs: XLA compiles no call back to the host, and takes no open shape."""

    def network(depth):
        return keras_kd.models.build(
            "bit_resnet", 10, (8, 8, 1), depth=depth, width=0.125, small_root=True, dropout=0.1
        )

    teacher = keras_kd.teachers.freeze(network((1, 1)), batch_size=8, engine="graph")
    batches = data.build_dataset("digits", "train", "mix", 8, 8)
    shapes = [spec.shape for spec in tf.nest.flatten(batches.element_spec)]
    assert all(shape.is_fully_defined() for shape in shapes)
    student = network((1,))
    kd = keras_kd.KDModel(student, teacher, SoftTargets(), label_weight=0.1)
    optimizer = keras_kd.optimizers.AdamW(1e-2, 1e-4, global_clipnorm=1.0)
    kd.compile(optimizer, metrics=["sparse_categorical_accuracy"], jit_compile=True)
    before = student.get_weights()
    kd.fit(batches, steps_per_epoch=2, verbose=0)
    assert kd.jit_compile
    assert any(np.abs(a - b).max() > 0 for a, b in zip(before, student.get_weights()))


def test_a_call_to_the_host_in_the_step_would_be_found():
    """The test above can fail: XLA refuses a teacher that runs in Python."""

    class OnHost(keras.layers.Layer):
        def call(self, images):
            logits = tf.numpy_function(lambda x: x.mean((1, 2)), [images], tf.float32)
            return tf.ensure_shape(logits, [None, 1])

    images = keras.Input((8, 8, 1))
    teacher = keras.Model(images, keras.layers.Dense(10)(OnHost()(images)))
    student = keras.Model(images, keras.layers.Dense(10)(keras.layers.Flatten()(images)))
    kd = keras_kd.KDModel(student, teacher, SoftTargets())
    kd.compile("sgd", jit_compile=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="PyFunc"):
        kd.fit(data.build_dataset("digits", "train", "mix", 8, 8), steps_per_epoch=1, verbose=0)
