"""The data of a run: sizes, batches that fit, and what the networks of a stage are given."""

from types import SimpleNamespace

import numpy as np
import pytest
from tiny_run import tiny_run

from keras_kd import data
from keras_kd.config import network, stage
from keras_kd.config.chain import stages_of
from keras_kd.run import Experiment
from keras_kd.run import story as run
from keras_kd.run.streams import Sides, Streams, check_batch_size, sides_of


@pytest.mark.parametrize(
    "settings,mixed",
    [
        ({"methods": {"soft_targets": {}}}, False),
        ({"methods": {"soft_targets": {}}, "label_weight": 0.5}, True),
        ({"methods": {"soft_targets": {}, "labels": {"weight": 0.5}}}, True),
        ({"methods": {"labels": {}}, "teachers": ()}, True),
    ],
)
def test_whoever_learns_from_labels_gets_those_of_mixed_images(settings, mixed):
    config = tiny_run()
    config.again = stage(
        **{"mode": "mix", "teachers": ("teacher",), "label_weight": 0.0} | settings
    )
    config.stages = ("teacher", "again")
    run = Experiment(config)
    batches, _ = run.streams.of(run.last).train(0, 1)
    _, labels = next(iter(batches))
    if not mixed:  # they are for metrics: the label of the heavier image
        assert labels.dtype == "int32" and labels.shape == (16,)
        return
    assert labels.dtype == "float32" and labels.shape == (16, 10)
    np.testing.assert_allclose(labels.numpy().sum(-1), 1, atol=1e-6)
    assert ((labels.numpy() > 0) & (labels.numpy() < 1)).any()


def test_who_only_teaches_sees_the_teachers_size_and_an_assistant_the_students():
    config = tiny_run()
    config.data.teacher_resolution = 16
    config.assistant = network("resnet", depth=8, width=0.375)
    config.assistant.train = stage(teachers=("teacher",), methods={"soft_targets": {}})
    config.distil.teachers = ("assistant",)
    config.stages = ("teacher", "assistant", "distil")
    run = Experiment(config)
    assert [sides_of(config, each) for each in run.stages] == [
        Sides(16, 16),
        Sides(8, 16),
        Sides(8, 8),
    ]


def test_a_teacher_may_see_larger_images():
    config = tiny_run(**{"data.teacher_resolution": 12})
    found = {one.name: tuple(sides_of(config, one)) for one in stages_of(config)}
    assert found == {"teacher": (12, 12), "baseline": (8, 8), "distil": (8, 12)}


def test_batches_begin_at_any_step_and_are_those_of_the_whole():
    config = tiny_run()
    streams = Streams(config, data.load_source("digits"))
    labels_only = stages_of(config)[0]
    assert streams.lengths_of(labels_only) == (64, 16, 1)

    def labels(start):
        batches = streams.of(labels_only).train(start, 6)[0].take(4 - start)
        return [y for _, y in batches.as_numpy_iterator()]

    whole, from_two = labels(0), labels(2)
    assert any((a != b).any() for a, b in zip(whole[:2], from_two))
    np.testing.assert_array_equal(whole[2:], from_two)
    held_out = list(streams.held_out().as_numpy_iterator())
    assert sum(len(y) for _, y in held_out) == 50


@pytest.mark.parametrize(("batch", "replicas", "nearest"), [(16, 3, 15), (2, 3, 3), (7, 2, 6)])
def test_the_nearest_batch_size_divides(batch, replicas, nearest):
    strategy = SimpleNamespace(num_replicas_in_sync=replicas)
    with pytest.raises(ValueError, match=rf"replicas={replicas}\. Nearest: {nearest}\.$"):
        check_batch_size(tiny_run(batch_size=batch), strategy)
    check_batch_size(tiny_run(batch_size=nearest), strategy)


def test_batches_must_fit_data_and_replicas(tmp_path):
    with pytest.raises(ValueError, match="batch_size=65, 64 images in split"):
        run.run(tiny_run(batch_size=65), tmp_path / "large")
    with pytest.raises(ValueError, match=r"batch_size=16, replicas=3\. Nearest: 15"):
        Experiment(tiny_run(), strategy=SimpleNamespace(num_replicas_in_sync=3))
