"""Which strategy a command gets, and what a TPU would ask of the steps."""

import contextlib
import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd import data
from keras_kd.config import base
from keras_kd.config.chain import stages_of
from keras_kd.distribution import strategies
from keras_kd.methods import SoftTargets
from keras_kd.run import story as run
from keras_kd.run.streams import Streams
from keras_kd.utils import signals


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
    with pytest.raises(strategies.rendezvous.WorkerMissing, match=r"worker 0 at 127\.0\.0\.1:1"):
        strategies.build("auto", worker_timeout=0.1)


@pytest.mark.parametrize(
    ("error", "told"),
    [(None, [0]), (ValueError("no data"), [1]), (signals.Stopped(15), []), (SystemExit(), [])],
    ids=["none", "refusal", "signal", "exit"],
)
def test_the_chief_tells_the_others_how_its_part_ended(monkeypatch, error, told):
    """But a signal does not refuse anything: the others wait for the chief's next start."""
    said = []
    monkeypatch.setattr(strategies, "gather", lambda strategy, failed: said.append(failed))
    ended = pytest.raises(type(error)) if error else contextlib.nullcontext()
    with ended, strategies.chief_first(tf.distribute.get_strategy()):
        if error:
            raise error
    assert said == told


@pytest.mark.parametrize("lost", [False, True])
def test_the_chiefs_own_error_counts_even_if_nobody_hears_of_it(monkeypatch, lost):
    def gather(strategy, failed):
        if lost:
            raise tf.errors.UnavailableError(None, None, "Collective ops is aborted by: x")

    monkeypatch.setattr(strategies, "gather", gather)
    refused = pytest.raises(ValueError, match="no data")
    with refused, strategies.chief_first(tf.distribute.get_strategy()):
        raise ValueError("no data")


@pytest.mark.parametrize("failed", [0, 1])
def test_another_worker_goes_in_only_if_the_chief_is_through(monkeypatch, failed):
    monkeypatch.setattr(strategies, "is_chief", lambda strategy: False)
    monkeypatch.setattr(strategies, "gather", lambda strategy, own: [[failed], [own]])
    entered = []
    refused = pytest.raises(strategies.ChiefStopped, match="See the chief's message")
    with refused if failed else contextlib.nullcontext(), strategies.chief_first(None):
        entered.append(True)
    assert entered == [True] * (not failed)


def test_a_batch_that_does_not_divide_is_refused_without_waiting_for_the_chief(
    monkeypatch, tmp_path
):
    """So that every worker says it, also one that is not the chief."""
    monkeypatch.setattr(strategies, "is_chief", lambda strategy: False)
    monkeypatch.setattr(strategies, "chief_first", None)  # not reached
    config = base()
    config.batch_size = 15
    with pytest.raises(ValueError, match=r"batch_size=15, replicas=2\. Nearest: 14"):
        run.run(config, tmp_path, SimpleNamespace(num_replicas_in_sync=2))


def test_every_replica_of_every_worker_gets_rows_of_its_own(monkeypatch):
    """Two workers of two replicas, by a strategy that only hands the worker's data back."""
    context = SimpleNamespace(input_pipeline_id=1, num_input_pipelines=2)
    strategy = SimpleNamespace(
        num_replicas_in_sync=4, distribute_datasets_from_function=lambda make: make(context)
    )
    monkeypatch.setattr(strategies, "_feeds_several_hosts", lambda strategy: True)

    def make(worker_index, num_workers):
        return data.build_dataset(
            "digits", "train", "mix", 8, 8, worker_index=worker_index, num_workers=num_workers
        )

    shares = list(strategies.feed(strategy, make).take(4))
    assert [x.shape for x, _ in shares] == [(2, 8, 8, 1)] * 4
    whole = data.build_dataset("digits", "train", "mix", 8, 8).take(2)
    for step, (x, y) in enumerate(whole):
        pair = shares[2 * step : 2 * step + 2]
        np.testing.assert_array_equal(np.concatenate([images for images, _ in pair]), x[4:])
        np.testing.assert_array_equal(np.concatenate([labels for _, labels in pair]), y[4:])


def test_a_listing_that_is_late_ends_no_run_and_another_workdir_does(tmp_path, monkeypatch):
    (tmp_path / "checkpoints" / "distil").mkdir(parents=True)
    (tmp_path / "checkpoints" / "distil" / "3").write_text("abc")
    others, looks = [1, 2, None], []

    def gather(strategy, own):
        looks.append(own)
        other = others[min(len(looks), len(others)) - 1]
        return [[own], [own if other is None else other]]

    monkeypatch.setattr(strategies, "gather", gather)
    monkeypatch.setattr(strategies.time, "sleep", lambda seconds: None)
    strategies.check_same_files(None, tmp_path)
    assert len(looks) == 3 and len(set(looks)) == 1
    others[:] = [1]
    with pytest.raises(ValueError, match="must see the same checkpoints"):
        strategies.check_same_files(None, tmp_path)
    assert len(looks) == 3 + strategies.LOOKS


def compiled(kd, batch):
    """One whole train step under XLA: teacher, student, optimizer and metrics."""
    tf.function(kd.train_step, jit_compile=True)(batch)


@pytest.mark.slow  # XLA compiles two whole steps
def test_the_steps_compile_wholly_with_static_shapes():
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
    kd.compile(optimizer, weighted_metrics=["sparse_categorical_accuracy"], jit_compile=False)
    (first, second) = batches.take(2)
    kd.train_on_batch(*first)  # builds the metrics
    before = student.get_weights()
    compiled(kd, second)
    assert any(np.abs(a - b).max() > 0 for a, b in zip(before, student.get_weights()))
    evaluated = data.evaluation_dataset("digits", "test[:10]", 8, 8, fill_to=1)
    shapes = [spec.shape for spec in tf.nest.flatten(evaluated.element_spec)]
    assert all(shape.is_fully_defined() for shape in shapes)
    tf.function(kd.test_step, jit_compile=True)(next(iter(evaluated)))


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
    kd.compile("sgd", jit_compile=False)
    (batch,) = data.build_dataset("digits", "train", "mix", 8, 8).take(1)
    kd.train_on_batch(*batch)
    with pytest.raises(tf.errors.InvalidArgumentError, match="PyFunc"):
        compiled(kd, batch)


def test_a_tpu_evaluates_in_whole_batches(monkeypatch):
    config = base()
    config.data.source, config.data.eval_batch_size = "digits", 96
    for tpu in (False, True):
        monkeypatch.setattr(strategies, "is_tpu", lambda strategy, tpu=tpu: tpu)
        streams = Streams(config, data.load_source("digits"))
        for _, evaluation in map(streams.of, stages_of(config)[1:]):
            shapes = [spec.shape for spec in tf.nest.flatten(evaluation.element_spec)]
            assert all(shape.is_fully_defined() for shape in shapes) == tpu
