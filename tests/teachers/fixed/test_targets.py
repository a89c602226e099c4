"""Fixed targets: their values, when they are computed, and which files are refused."""

import errno
import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.data import FixedViews, build_dataset, load_source
from keras_kd.teachers import FixedTargets, fixed_targets
from keras_kd.teachers.fixed import average as fixed_average
from keras_kd.teachers.fixed import files as fixed_files
from keras_kd.teachers.fixed import targets as fixed
from keras_kd.teachers.fixed.average import Average
from keras_kd.teachers.frozen import freeze
from keras_kd.utils import files

SPLIT = "train[:30]"


@pytest.fixture(scope="module")
def teacher():
    keras.utils.set_random_seed(1)
    images = keras.Input((8, 8, 1))
    x = keras.layers.Dense(10, kernel_initializer="random_normal")(keras.layers.Flatten()(images))
    model = keras.Model(images, x)
    model.layers[-1].kernel.assign(20 * model.layers[-1].kernel)  # answers that are not all alike
    return model


def views_of(mode="fix/ic_ens", split=SPLIT, resolution=8, crops=5, **options):
    return FixedViews("digits", split, mode, resolution, crops=crops, **options)


def answers(teacher, images):
    """The teacher's logits, by NumPy."""
    kernel, bias = (w.numpy().astype(np.float64) for w in teacher.layers[-1].weights)
    return images.reshape(len(images), -1) @ kernel + bias


def probabilities(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def counted(teacher, calls):
    """The teacher, which notes how many images it is shown."""

    def run(images, training=False):
        tf.py_function(lambda: calls.append(int(images.shape[0])), [], [])
        return teacher(images, training=False)

    return run


# ---- values


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


@pytest.mark.parametrize("crops", [1, 3, 8])
def test_the_mean_does_not_depend_on_how_views_come(crops):
    logits = np.random.default_rng(0).normal(0, 5, (6 * crops, 4)).astype(np.float32)
    want = logits if crops == 1 else np.log(probabilities(logits).reshape(6, crops, 4).mean(1))
    for size in (1, 4, 7, 48):
        average = Average(6, crops)
        for start in range(0, len(logits), size):
            average.add(logits[start : start + size])
        np.testing.assert_allclose(average.targets, want, rtol=1e-5)


def test_a_class_without_any_probability_has_a_finite_target():
    average = Average(1, 2)
    average.add(np.array([[0.0, -1e4], [0.0, -1e4]], np.float32))
    assert average.targets[0, 0] == 0 and -1e3 < average.targets[0, 1] < -700


@pytest.mark.parametrize("engine", ["graph", "xla"])
def test_a_frozen_teacher_gives_the_same_targets(teacher, tmp_path, engine):
    compiled = freeze(teacher, engine=engine, batch_size=8)
    found = fixed_targets(teacher, views_of(), tmp_path / "a.npz", 8, compiled).targets
    want = fixed_targets(teacher, views_of(), tmp_path / "b.npz", 8).targets
    np.testing.assert_allclose(found, want, atol=1e-4)


# ---- stored and reused


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


# ---- refused


@pytest.fixture(scope="module")
def computed(teacher, tmp_path_factory):
    path = tmp_path_factory.mktemp("computed") / "t.npz"
    fixed_targets(teacher, views_of(), path, 8)
    return path


@pytest.fixture
def stored(computed, tmp_path):
    """A file of targets, to do with as one likes."""
    return Path(shutil.copy(computed, tmp_path))


@pytest.mark.parametrize(
    "change,difference",
    [
        ({"split": "train[:31]"}, "data.examples: 30 there, 31 here"),
        ({"mode": "fix/cc"}, "views.mode: 'fix/ic_ens' there, 'fix/cc' here"),
        ({"resolution": 9}, "views.teacher_resolution: 8 there, 9 here"),
        ({"crops": 6}, "views.crops: 5 there, 6 here"),
        ({"seed": 1}, "seed: 0 there, 1 here"),
        ({"flip": False}, "views.flip: True there, False here"),
        ({"crop_area": (0.5, 1.0)}, r"views.crop_area: \[0.05, 1.0\] there, \[0.5, 1.0\] here"),
    ],
)
def test_targets_of_something_else_are_refused(teacher, stored, change, difference):
    for known in (teacher, None):
        with pytest.raises(ValueError, match=f"another run. Differences: .*{difference}"):
            fixed.check_fixed(stored, views_of(**change), known)


def test_targets_of_another_teacher_are_refused(stored):
    keras.utils.set_random_seed(2)
    other = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    other.add(keras.layers.Dense(10))
    with pytest.raises(
        ValueError, match=r"Differences: .*teacher\.weights: '\w+' there, '\w+' her"
    ):
        fixed_targets(other, views_of(), stored, 8)
    fixed.check_fixed(stored, views_of())  # as long as it is not known


def test_the_same_examples_in_another_order_are_refused(teacher, stored):
    source = load_source("digits")
    views = FixedViews(source, SPLIT, "fix/ic_ens", 8, crops=5)
    examples = source.split(SPLIT)
    for name in ("ids", "labels", "sizes"):
        setattr(examples, name, getattr(examples, name)[::-1].copy())
    with pytest.raises(ValueError, match=r"data\.order: '\w+' there, '\w+' here"):
        fixed_targets(teacher, views, stored, 8)


def test_pixels_that_changed_under_the_same_names_are_found(teacher, stored):
    source = load_source("digits")
    source.split(SPLIT).store.images = 255 - source.split(SPLIT).store.images
    views = FixedViews(source, SPLIT, "fix/ic_ens", 8, crops=5)
    for known in (teacher, None):
        with pytest.raises(
            ValueError, match=r"Differences: data\.images: '\w+' there, '\w+' here\."
        ):
            fixed.check_fixed(stored, views, known)


def test_an_augmentation_that_changed_under_the_same_settings_is_found(
    teacher, stored, monkeypatch
):
    at = FixedViews.at
    monkeypatch.setattr(FixedViews, "at", lambda self, positions: 1 - at(self, positions))
    fixed.check_fixed(stored, views_of())
    with pytest.raises(ValueError, match=r"likeliest class differs by 0\.\d\d on average"):
        fixed_targets(teacher, views_of(), stored, 8)


@pytest.mark.parametrize("kept", [0, 10, 900, -1], ids=["empty", "10", "900", "all_but_one"])
def test_a_file_cut_short_is_refused(teacher, stored, kept):
    stored.write_bytes(stored.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"t\.npz is damaged, or no file of fixed targets: .*Dele"):
        fixed_targets(teacher, views_of(), stored, 8)


def test_any_flipped_byte_is_found_or_changes_nothing(stored):
    views = views_of()
    whole, want, found = stored.read_bytes(), fixed.check_fixed(stored, views), 0
    for index in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[index] ^= 0x41
        stored.write_bytes(damaged)
        try:
            read = fixed.check_fixed(stored, views)
        except ValueError:
            found += 1
        else:
            np.testing.assert_array_equal(read["targets"], want["targets"])
            np.testing.assert_array_equal(read["ids"], want["ids"])
    assert found > len(whole) // 7 // 2


def test_other_files_are_refused(teacher, stored, tmp_path):
    other = tmp_path / "other.npz"
    np.savez(other, targets=np.zeros((30, 10), np.float32))
    with pytest.raises(ValueError, match="damaged, or no file of fixed targets"):
        fixed_targets(teacher, views_of(), other, 8)
    meta = fixed.fingerprint(views_of(), teacher)
    arrays = dict(np.load(stored))
    arrays.pop("meta")
    fixed_files.write(other, meta, arrays, 8)
    with pytest.raises(ValueError, match="did not come to its end"):
        fixed_targets(teacher, views_of(), other, 8)
    fixed_files.write(other, meta, arrays | {"targets": arrays["targets"][:, :9]})
    with pytest.raises(ValueError, match=r"a row of 10 classes .* targets of shape \(30, 9\)"):
        fixed_targets(teacher, views_of(), other, 8)
    np.savez(other, **arrays, meta=np.frombuffer(b'{"fixed_targets": 9, "fingerprint": {}}', "u1"))
    with pytest.raises(ValueError, match="format version 9"):
        fixed_targets(teacher, views_of(), other, 8)


def test_pickled_objects_are_never_opened(teacher, stored):
    class Bomb:
        def __reduce__(self):
            return os._exit, (13,)

    member = io.BytesIO()
    np.save(member, np.array([Bomb()], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(stored) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(stored, "w") as archive:
        for name, content in (members | {"targets.npy": member.getvalue()}).items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        fixed_targets(teacher, views_of(), stored, 8)


# ---- joined


def test_each_example_of_a_batch_gets_its_own_target():
    source = load_source("digits")
    ids = source.split(SPLIT).ids
    targets = FixedTargets(ids[::-1], np.tile(ids[::-1, None], 10))
    data = build_dataset(source, SPLIT, "fix/cc", 8, 8, with_ids=True)
    for x, y in targets.join(data).take(9).as_numpy_iterator():
        np.testing.assert_array_equal(x["teacher_logits"], np.tile(x["id"][:, None], 10))
        assert sorted(x) == ["id", "student", "teacher_logits"] and y.shape == (8,)
    spec = targets.join(data).element_spec[0]["teacher_logits"]
    assert spec == tf.TensorSpec([8, 10], tf.float32)


def test_batches_without_ids_and_unknown_examples_are_refused():
    targets = FixedTargets([4, 2], np.zeros((2, 10)))
    with pytest.raises(ValueError, match=r"Make them with build_dataset\(\.\.\., with_ids=True\)"):
        targets.join(build_dataset("digits", SPLIT, "fix/cc", 8, 8))
    with pytest.raises(ValueError, match="a batch with id 3, which has none"):
        targets.of(np.array([2, 3, 4]))


def test_a_live_teacher_does_not_take_the_students_view_for_its_own(teacher):
    """Without targets a batch of fix/cc must not silently become one of same/rc."""
    from keras_kd import KDModel, methods

    kd = KDModel(teacher, keras.models.clone_model(teacher), methods.SoftTargets())
    kd.compile("sgd")
    with pytest.raises(ValueError, match="A batch dict needs 'teacher' or 'image'"):
        kd.fit(build_dataset("digits", SPLIT, "fix/cc", 8, 8).take(1), verbose=0)


def test_the_fingerprint_is_json(teacher):
    fields = fixed.fingerprint(views_of(), teacher)
    names = {"data.content", "data.order", "teacher.weights", "views.crops", "seed"}
    assert names < json.loads(json.dumps(fields)).keys()
