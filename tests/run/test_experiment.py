"""A run as an object: its parts, each built once, from the config alone."""

import keras
import numpy as np
import pytest
from tiny_run import tiny_run

from keras_kd import data
from keras_kd.config import network, stage
from keras_kd.run import Experiment, preview
from keras_kd.run import story as run


@pytest.fixture
def handle(tmp_path):
    images = keras.Input((8, 8, 1))
    logits = keras.layers.Dense(10)(keras.layers.Flatten()(images))
    path = tmp_path / "model.keras"
    keras.Model(images, logits).save(path)
    return str(path)


def test_a_handle_is_loaded_once_for_each_range_of_pixels(handle):
    run = Experiment(tiny_run())
    one, same = run.load(handle, 8, input_range=[0, 1]), run.load(handle, 8, input_range=(0, 1))
    other = run.load(handle, 8, input_range=(0, 255))
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


def test_its_parts_are_built_when_they_are_asked_for(tmp_path):
    config = tiny_run()
    found = Experiment(config, tmp_path / "run")
    assert [one.name for one in found.stages] == ["teacher", "baseline", "distil"]
    assert found.last is found.stages[-1] and not (tmp_path / "run").exists()
    assert found.source is found.source and found.streams is found.streams
    assert found.lengths_of(found.last) == (64, 16, 1)
    teacher, baseline, distil = found.stages
    assert [found.has_its_teachers(one) for one in found.stages] == [True, True, False]
    assert found.teacher(baseline) is None
    model, methods = found.learner(teacher)
    assert found.learner(teacher)[0] is model and methods == []
    assert found.teacher(distil, {"teacher": model}) is model
    first, second = (found.learner(distil, model) for _ in range(2))
    assert first[0] is not second[0] and first[1][0] is not second[1][0]
    assert Experiment(config).workdir is None


def test_an_impossible_config_is_refused_at_once():
    with pytest.raises(ValueError, match=r"config\.batch_size must be at least 1"):
        Experiment(tiny_run(batch_size=0))


def test_a_teacher_of_other_classes_is_refused(tmp_path):
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(inputs)
    keras.Model(inputs, keras.layers.Dense(7)(x)).save(tmp_path / "seven.keras")
    config = tiny_run(**{"teacher.handle": str(tmp_path / "seven.keras")})
    with pytest.raises(ValueError, match="7"):
        run.run(config, tmp_path / "run")
