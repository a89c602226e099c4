"""What the networks of a stage are given."""

import numpy as np
import pytest
from tiny_run import tiny_run

from keras_kd.config import network, stage
from keras_kd.run import Experiment
from keras_kd.run.streams import Sides, sides_of


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
