"""`data.eval_scale`: the central box that is evaluated, by pixels, wherever a run evaluates."""

import json

import numpy as np
import pytest
from PIL import Image
from tiny_run import tiny_run

from keras_kd.config import check
from keras_kd.config.chain import last_stage, stages_of
from keras_kd.data import evaluation_dataset, load_source
from keras_kd.export.material import Material
from keras_kd.run import Finished
from keras_kd.run.streams import Streams
from keras_kd.run.workdir import Workdir, load_config


def noise(folder, *shapes):
    """The source of PNG images of these shapes, and their pixels in [-1, 1], a class each."""
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]
    for split in ("train", "test"):
        for index, image in enumerate(pixels):
            place = folder / split / f"class{index}"
            place.mkdir(parents=True)
            Image.fromarray(image).save(place / "0.png")
    return f"folder:{folder}", [image / np.float32(127.5) - 1 for image in pixels]


@pytest.mark.parametrize(
    ("side", "scale", "short", "start"), [(128, 160 / 128, 160, 16), (224, 256 / 224, 256, 16)]
)
def test_the_papers_sizes_cut_without_resizing(tmp_path, side, scale, short, start):
    """An image whose short side has the resized length is not resized: its pixels come through."""
    source, (wide, tall) = noise(tmp_path, (short, short + 40), (short + 40, short))
    data = evaluation_dataset(source, "test", 2, side, scale=scale)
    ((images, labels),) = data.as_numpy_iterator()
    images = images[np.argsort(labels)]
    short_way, long_way = slice(start, start + side), slice(start + 20, start + 20 + side)
    np.testing.assert_allclose(images[0], wide[short_way, long_way], atol=1e-6)
    np.testing.assert_allclose(images[1], tall[long_way, short_way], atol=1e-6)


def test_the_whole_image_has_no_scale(tmp_path):
    source, _ = noise(tmp_path, (20, 24))
    (two, _), (one, _) = (
        next(evaluation_dataset(source, "test", 1, 8, full_image=True, scale=s).as_numpy_iterator())
        for s in (2.0, 1.0)
    )
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("scale", [0.9, float("inf"), float("nan")])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(ValueError, match=r"scale must be finite and at least 1. Received: scale="):
        evaluation_dataset("digits", "test", 8, 8, scale=scale)
    config = tiny_run()
    config.data.eval_scale = scale
    with pytest.raises(ValueError, match=r"config\.data\.eval_scale must be finite and at least 1"):
        check(config)


def configured(source, **changes):
    """A run on images of 32 px: central boxes of 16 px for the teacher's 16 and student's 8."""
    config = tiny_run()
    config.batch_size = 2
    config.data.update(source=source, train_split="train", eval_split="test", flip=False)
    config.data.update(eval_full_image=False, eval_scale=2.0, teacher_resolution=16)
    config.distil.update(mode="fix/cc", label_weight=0.0)
    config.update_from_flattened_dict(changes)
    check(config)
    return config


def test_the_key_reaches_whatever_evaluates(tmp_path):
    name, pixels = noise(tmp_path / "images", (32, 40), (44, 32))
    config = configured(name)
    source = load_source(name)
    _, baseline, distil = stages_of(config)
    streams = Streams(config, source)
    Workdir(tmp_path / "run", config)
    left = Finished(tmp_path / "run")
    teacher = np.stack([pixels[0][8:24, 12:28], pixels[1][14:30, 8:24]])
    student = teacher.reshape(2, 8, 2, 8, 2, 3).mean((2, 4))  # half of the size: means of four
    for data in (
        streams.held_out(),
        streams.of(distil).evaluation,
        left.evaluation_images(source, "test", teacher=True),
    ):
        ((x, y),) = data.as_numpy_iterator()
        np.testing.assert_allclose(x["teacher"], teacher[y], atol=1e-6)
        np.testing.assert_allclose(x["student"], student[y], atol=1e-6)
    for data in (
        streams.of(baseline).evaluation,
        Material(tmp_path / "run").test_images,
    ):
        ((x, y),) = data.as_numpy_iterator()
        np.testing.assert_allclose(x, student[y], atol=1e-6)


def test_targets_do_not_depend_on_it_but_on_the_training_crop(tmp_path):
    name, _ = noise(tmp_path, (32, 40), (44, 32))

    def seen(mode, **changes):
        config = configured(name, **changes)
        config.distil.mode = mode
        streams, stage = Streams(config, load_source(name)), last_stage(config)
        if mode == "fix/cc":
            return streams.fixed_views(stage).describe()
        return streams.for_teacher(stage)[1]

    for mode in ("same/rc", "fix/cc"):
        plain = seen(mode)
        assert seen(mode, **{"data.eval_scale": 1.25}) == plain
        assert seen(mode, **{"distil.rc_scale": 1.25}) != plain


def test_a_directory_from_before_the_key_goes_on_at_eight_sevenths(tmp_path):
    config = tiny_run()
    Workdir(tmp_path, config).finish("teacher", {})
    there = json.loads((tmp_path / "config.json").read_text())
    del there["data"]["eval_scale"]
    for stage in (there["teacher"]["train"], there["baseline"], there["distil"]):
        del stage["student_view"], stage["teacher_view"], stage["mix"]
    (tmp_path / "config.json").write_text(json.dumps(there))
    assert Workdir(tmp_path, config).earlier is not None
    assert load_config(tmp_path).data.eval_scale == 8 / 7
    config.data.eval_scale = 160 / 128
    with pytest.raises(ValueError, match=r"data.eval_scale: 1.14.* there, 1.25 here"):
        Workdir(tmp_path, config)
