"""The cache on disk: what is written is read, what is damaged is found, who may write and read."""

import json
import os
import shutil

import numpy as np
import pytest
from tiny_cache import FINGERPRINT, LAYOUT, make, shard_logits

from keras_kd import methods
from keras_kd.methods.features import FeatureMethod
from keras_kd.methods.logits import LogitMethod
from keras_kd.teachers.cache import store as caches
from keras_kd.teachers.cache.store import Layout, TeacherCache


def test_a_shard_is_read_as_it_was_written(tmp_path):
    make(tmp_path / "cache", [3])
    cache = TeacherCache(tmp_path / "cache")
    assert cache.shards() == {3} and cache.layout == LAYOUT
    np.testing.assert_array_equal(cache.read(3)["logits"], shard_logits(3))


def test_any_flipped_byte_is_found_or_changes_nothing(tmp_path):
    cache = make(tmp_path, [0])
    whole = cache.shard_path(0).read_bytes()
    found = 0
    for index in range(len(whole)):
        damaged = bytearray(whole)
        damaged[index] ^= 0x41
        cache.shard_path(0).write_bytes(damaged)
        try:
            logits = cache.read(0)["logits"]
        except ValueError as error:
            assert "shard_00000000.npz are damaged" in str(error)
            found += 1
        else:
            np.testing.assert_array_equal(logits, shard_logits(0))
    assert found > 96  # at least the bytes of the logits themselves


@pytest.mark.parametrize("kept", [0, 10, 300, -1])
def test_a_shard_cut_short_counts_as_not_there(tmp_path, kept):
    cache = make(tmp_path, [0])
    cache.shard_path(0).write_bytes(cache.shard_path(0).read_bytes()[:kept])
    with pytest.warns(UserWarning, match=r"shard_00000000\.npz are damaged.*not there"):
        assert not cache.is_whole(0)


def test_a_shard_of_another_cache_or_place_is_not_taken(tmp_path):
    cache = make(tmp_path / "a", [0, 1])
    other = TeacherCache.create(tmp_path / "b", {**FINGERPRINT, "seed": 1}, LAYOUT)
    shutil.copy(cache.shard_path(0), other.shard_path(0))
    shutil.copy(cache.shard_path(1), cache.shard_path(0))
    for mixed in (cache, other):
        with pytest.raises(ValueError, match="another cache or place"):
            mixed.read(0)


def test_differences_are_named_with_both_values(tmp_path):
    cache = make(tmp_path)
    cache.check(FINGERPRINT)
    cache.check({"seed": 0})  # some of the fields
    with pytest.raises(ValueError) as error:
        cache.check({**FINGERPRINT, "seed": 7, "views.crop_area": (0.1, 1.0)})
    assert "seed: 0 there, 7 here" in str(error.value)
    assert "views.crop_area: [0.5, 1.0] there, [0.1, 1.0] here" in str(error.value)
    assert "teacher.weights" not in str(error.value)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (Layout(4, 3, "float16", steps_per_shard=2), "dtype: 'float32' there, 'float16' here"),
        (Layout(4, 3, "float32", 1, 2), "top_k: 0 there, 1 here"),
        (Layout(8, 3, "float32", steps_per_shard=2), "batch_size: 4 there, 8 here"),
    ],
)
def test_a_writer_with_another_layout_is_refused(tmp_path, layout, message):
    make(tmp_path)
    with pytest.raises(ValueError, match=message):
        TeacherCache.create(tmp_path, FINGERPRINT, layout)


def test_folders_that_are_no_cache_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for name, state in (("none", "not there"), ("empty", "empty"), ("file", "not a folder")):
        with pytest.raises(ValueError, match=state):
            TeacherCache(tmp_path / name)


def test_half_a_cache_is_refused_by_readers_and_writers(tmp_path):
    make(tmp_path, [0])
    known = tmp_path / "cache.json"
    text = known.read_text()
    known.unlink()
    for use in (TeacherCache, make):
        with pytest.raises(ValueError, match=r"has no cache\.json"):
            use(tmp_path)
    known.write_text(text[: len(text) // 2])
    for use in (TeacherCache, make):
        with pytest.raises(ValueError, match=r"cache\.json is damaged"):
            use(tmp_path)
    known.write_text(json.dumps({**json.loads(text), "version": 99}))
    with pytest.raises(ValueError, match="format version 99"):
        TeacherCache(tmp_path)


def test_shards_hold_a_bounded_number_of_steps_and_bytes():
    assert Layout(128, 10).steps_per_shard == 64
    assert Layout(4096, 1000).steps_per_shard == 3  # of 8 MB each
    assert Layout(2**20, 1000).steps_per_shard == 1
    with pytest.raises(ValueError, match="steps_per_shard=-1"):
        Layout(128, 10, steps_per_shard=-1)


def test_logits_that_are_not_finite_are_refused_by_step(tmp_path):
    cache, logits = make(tmp_path), shard_logits(3)
    logits[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match="step 7 are not finite"):
        cache.write(3, logits)
    assert not cache.shards()


def test_of_two_first_writers_the_first_one_counts(tmp_path, monkeypatch):
    ours = Layout(4, 3, "float16", steps_per_shard=2)
    write = caches.write_atomically

    def late(path, *args, **options):
        monkeypatch.setattr(caches, "write_atomically", write)
        make(tmp_path)
        write(path, *args, **options)

    monkeypatch.setattr(caches, "write_atomically", late)
    with pytest.raises(ValueError, match="stored in another way: dtype: 'float32' there"):
        TeacherCache.create(tmp_path, FINGERPRINT, ours)
    assert TeacherCache(tmp_path).layout == LAYOUT
    assert os.listdir(tmp_path) == ["cache.json"]


def test_methods_say_whether_they_need_the_logits_themselves():
    rng, judged = np.random.default_rng(0), 0
    student, teacher = rng.normal(size=(2, 6, 5)).astype("float32")
    batch = {"labels": np.arange(6) % 5, "id": np.arange(6)}
    moved = teacher + rng.normal(size=(6, 1)).astype("float32")
    for name, cls in methods.METHODS.items():
        if issubclass(cls, (FeatureMethod, methods.AttentionRelation, methods.CRD, methods.Hint)):
            continue  # they cannot do without taps, or without the number of examples
        if cls.scheme != "offline":
            continue  # peers, critics and generators: no stored logits can stand for these
        for options in [{}] + [{"standardize": True}] * issubclass(cls, LogitMethod):
            method = methods.get(name, **options)
            shapes = {"logits": (6, 5)}
            method.build({"image": (6, 8, 8, 3)}, shapes, shapes)
            losses = [
                np.array(method(batch, {"logits": student}, {"logits": t}))
                for t in (teacher, moved)
            ]
            same = np.allclose(*losses, rtol=1e-4, atol=1e-5)
            assert same == (not method.needs_raw_logits), name
            judged += 1
    assert judged > 10
