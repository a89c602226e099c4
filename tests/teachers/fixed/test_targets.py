"""Fixed targets: their values, when they are computed, and which files are refused."""

import errno
import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_fixed import SPLIT, answers, counted, probabilities, views_of

from keras_kd.data import build_dataset, load_source
from keras_kd.teachers import fixed_targets
from keras_kd.teachers.fixed import average as fixed_average
from keras_kd.teachers.fixed import files as fixed_files
from keras_kd.teachers.fixed import targets as fixed
from keras_kd.teachers.fixed.average import Average
from keras_kd.teachers.frozen import freeze
from keras_kd.utils import files


def test_the_target_of_the_whole_image_is_the_teachers_answer_to_it(teacher, tmp_path):
    targets = fixed_targets(teacher, views_of("fix/rs"), tmp_path / "t.npz", 8)
    pixels = load_source("digits").split(SPLIT).store.images / 127.5 - 1
    np.testing.assert_allclose(targets.targets, answers(teacher, pixels), rtol=1e-4, atol=1e-4)


def test_the_target_of_the_central_crop_is_the_teachers_answer_to_it(teacher, tmp_path):
    targets = fixed_targets(teacher, views_of("fix/cc"), tmp_path / "t.npz", 8)
    # Seven of eight pixels, stretched to eight by bilinear interpolation.
    place = (np.arange(8) + 0.5) * 7 / 8 - 0.5
    stretch = np.maximum(0, 1 - np.abs(np.clip(place, 0, 6)[:, None] - np.arange(7)))
    pixels = load_source("digits").split(SPLIT).store.images[:, :7, :7, 0] / 127.5 - 1
    images = stretch @ pixels @ stretch.T
    np.testing.assert_allclose(targets.targets, answers(teacher, images), rtol=1e-4, atol=1e-4)


def test_the_target_of_many_crops_is_their_mean_probability(teacher, tmp_path):
    views = views_of(crops=5)
    targets = fixed_targets(teacher, views, tmp_path / "t.npz", 8).targets
    for example in (0, 13, 29):
        images = views.at([example] * 5, range(5)).numpy().astype(np.float64)
        mean = probabilities(answers(teacher, images)).mean(0)
        np.testing.assert_allclose(tf.nn.softmax(targets[example]), mean, atol=1e-6)
        np.testing.assert_allclose(np.exp(targets[example].astype(np.float64)), mean, atol=1e-6)
    one = fixed_targets(teacher, views_of(crops=1), tmp_path / "one.npz", 8).targets
    assert np.abs(np.exp(one) - np.exp(targets)).max() > 0.1


@pytest.mark.parametrize("engine", [pytest.param("graph", marks=pytest.mark.slow), "xla"])
def test_a_frozen_teacher_gives_the_same_targets(teacher, tmp_path, engine):
    compiled = freeze(teacher, engine=engine, batch_size=8)
    found = fixed_targets(teacher, views_of(), tmp_path / "a.npz", 8, compiled).targets
    want = fixed_targets(teacher, views_of(), tmp_path / "b.npz", 8).targets
    np.testing.assert_allclose(found, want, atol=1e-4)


def test_a_file_is_reused_and_the_teacher_sees_a_few_images_only(teacher, tmp_path):
    calls = []
    first = fixed_targets(teacher, views_of(), tmp_path / "t.npz", 8, counted(teacher, calls))
    assert sum(calls) == 30 + 19 * 8  # the probe, and 150 views in batches of 8
    calls.clear()
    again = fixed_targets(teacher, views_of(), tmp_path / "t.npz", 8, counted(teacher, calls))
    assert not calls
    np.testing.assert_array_equal(first.targets, again.targets)
    assert sorted(os.listdir(tmp_path)) == ["t.npz", "teacher.lock"]


def test_a_moved_or_copied_teacher_is_the_same_one(teacher, tmp_path):
    first, calls = fixed_targets(teacher, views_of(), tmp_path / "t.npz", 8), []
    teacher.save(tmp_path / "copy.keras")
    copy = keras.models.load_model(tmp_path / "copy.keras")
    again = fixed_targets(copy, views_of(), tmp_path / "t.npz", 16, counted(copy, calls))
    assert not calls
    np.testing.assert_array_equal(first.targets, again.targets)


class Stop(Exception):
    """What ends a computation half-way."""


@pytest.mark.parametrize("mode", ["fix/cc", "fix/ic_ens"])
def test_a_stopped_computation_goes_on_to_the_same_bits(
    teacher, tmp_path, mode, monkeypatch, logged
):
    monkeypatch.setattr(fixed_average, "WRITING_SHARE", 1e9)  # keep what is done at every step
    whole = fixed_targets(teacher, views_of(mode), tmp_path / "whole.npz", 4).targets
    left = [4]

    def stopped(images, training=False):
        def count():
            left[0] -= 1
            if left[0] < 0:
                raise Stop

        tf.py_function(count, [], [])
        return teacher(images, training=False)

    path, calls = tmp_path / "t.npz", []
    with pytest.raises(Exception, match="Stop"):
        fixed_targets(teacher, views_of(mode), path, 4, stopped, keep_every=0.0)
    assert sorted(os.listdir(tmp_path)) == ["t.partial.npz", "teacher.lock", "whole.npz"]
    again = fixed_targets(teacher, views_of(mode), path, 4, counted(teacher, calls))
    np.testing.assert_array_equal(again.targets, whole)
    steps = -(-(150 if mode == "fix/ic_ens" else 30) // 4)
    assert len(calls) == steps - 3  # after the probe and three batches it was stopped
    assert "goes on from 12 of" in logged()[-1]
    assert sorted(os.listdir(tmp_path)) == ["t.npz", "teacher.lock", "whole.npz"]


def test_another_batch_size_starts_anew_and_another_teacher_is_refused(teacher, tmp_path):
    path = tmp_path / "t.npz"
    average = Average(30, 5)
    average.add(np.zeros((8, 10), np.float32))
    arrays = {**average.state(), "ids": views_of().examples.ids, "probe": np.zeros((30, 10))}
    meta = fixed.fingerprint(views_of(), teacher)
    fixed_files.write(path.with_suffix(".partial.npz"), {**meta, "seed": 3}, arrays, 8)
    with pytest.raises(ValueError, match=r"t\.partial\.npz .* seed: 3 there, 0 here"):
        fixed_targets(teacher, views_of(), path, 8)
    fixed_files.write(path.with_suffix(".partial.npz"), meta, arrays, 8)
    calls = []
    fixed_targets(teacher, views_of(), path, 16, counted(teacher, calls))
    assert sum(calls) == 30 + 10 * 16


def test_a_started_computation_is_compared_before_it_goes_on(teacher, tmp_path):
    path, views = tmp_path / "t.npz", views_of("fix/rs")
    assert fixed.check_started(path, views, 8, teacher) is None
    average = Average(30, 1)
    average.add(np.zeros((8, 10), np.float32))
    arrays = {**average.state(), "ids": views.examples.ids}
    arrays["probe"] = teacher(views.at(range(30)), training=False).numpy()
    partial, meta = tmp_path / "t.partial.npz", fixed.fingerprint(views, teacher)
    fixed_files.write(partial, meta, arrays, 8)
    assert fixed.check_started(path, views, 8, teacher)["seen"] == 8
    assert fixed.check_started(path, views, 8)["seen"] == 8
    assert fixed.check_started(path, views, 16, teacher) is None  # it will be computed anew
    # Pixels that changed under the same names: half of the targets would be of the old ones.
    fixed_files.write(partial, meta, arrays | {"probe": -arrays["probe"]}, 8)
    with pytest.raises(ValueError, match=r"t\.partial\.npz have the settings .* something else"):
        fixed_targets(teacher, views, path, 8)
    assert not path.exists()
    partial.write_bytes(partial.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"t\.partial\.npz is damaged, .*Delete the file"):
        fixed.check_started(path, views, 8)


def test_logits_that_are_not_finite_leave_no_file(tmp_path, teacher):
    def broken(images, training=False):
        return teacher(images) / 0.0

    with pytest.raises(ValueError, match=r"logits of example 0 .* are not finite"):
        fixed_targets(teacher, views_of(), tmp_path / "t.npz", 8, broken)
    assert os.listdir(tmp_path) == ["teacher.lock"]


def test_a_full_disk_leaves_no_part_of_a_file(teacher, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match=r"t\.npz \(No space left on device\)"):
        fixed_targets(teacher, views_of("fix/rs"), tmp_path / "t.npz", 8)
    assert os.listdir(tmp_path) == ["teacher.lock"]


def test_a_live_teacher_does_not_take_the_students_view_for_its_own(teacher):
    """Without targets a batch of fix/cc must not silently become one of same/rc."""
    from keras_kd import KDModel, methods

    kd = KDModel(teacher, keras.models.clone_model(teacher), methods.SoftTargets())
    kd.compile("sgd")
    with pytest.raises(ValueError, match="A batch dict needs 'teacher' or 'image'"):
        kd.fit(build_dataset("digits", SPLIT, "fix/cc", 8, 8).take(1), verbose=0)


@pytest.mark.parametrize("mode", ["fix/rs", "fix/ic_ens"])
def test_one_logit_gives_targets_of_two_classes(teacher, tmp_path, mode):
    binary = keras.Model(teacher.input, teacher.output[:, :1])
    views = views_of(mode)
    found = fixed_targets(binary, views, tmp_path / "t.npz", 8).targets
    assert found.shape == (views.num_examples, 2)
    seen = np.concatenate([np.asarray(images) for images in views.stream(1)])
    z = answers(teacher, seen)[:, 0].reshape(views.num_examples, -1)
    mean = (1 / (1 + np.exp(-z))).mean(axis=1)
    np.testing.assert_allclose(tf.nn.softmax(found)[:, 1], mean, rtol=1e-5)
    fixed_targets(binary, views, tmp_path / "t.npz", 8)  # compared with the live teacher, and right
