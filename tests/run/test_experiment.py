"""A run as an object: what it builds, and builds once."""

import keras
import numpy as np
import pytest
from tiny_run import tiny_run

from keras_kd import data
from keras_kd.config import network, stage
from keras_kd.run import Experiment, preview


@pytest.fixture
def handle(tmp_path):
    images = keras.Input((8, 8, 1))
    logits = keras.layers.Dense(10)(keras.layers.Flatten()(images))
    path = tmp_path / "model.keras"
    keras.Model(images, logits).save(path)
    return str(path)


def test_a_handle_is_loaded_once_for_each_range_of_pixels(handle):
    run = Experiment(tiny_run())
    one, same = run.load(handle, 8, [0, 1]), run.load(handle, 8, (0, 1))
    other = run.load(handle, 8, (0, 255))
    assert one is same and one is not other
    images = np.ones((1, 8, 8, 1), np.float32)
    bias = keras.models.load_model(handle).layers[-1].bias.numpy()
    # Its weights see 255 in place of 1.
    np.testing.assert_allclose(other(images) - bias, 255 * (one(images) - bias), rtol=1e-4)


def test_a_preview_shows_the_sizes_of_the_last_stage(tmp_path, monkeypatch):
    config = tiny_run()
    config.data.teacher_resolution = 16
    config.assistant = network("resnet", depth=8, width=0.375)
    config.assistant.train = stage(teachers=("teacher",), methods={"soft_targets": {}})
    config.stages = ("teacher", "assistant", "distil")
    seen = []
    monkeypatch.setattr(
        data,
        "preview",
        lambda source, split, views, side, path, **more: seen.append(
            (side, more["teacher_resolution"])
        ),
    )
    for teacher in ("teacher", "assistant"):
        config.distil.teachers = (teacher,)
        preview(config, tmp_path / "sheet.png")
    assert seen == [(8, 16), (8, 8)]
