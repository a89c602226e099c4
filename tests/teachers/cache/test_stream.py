"""Batches out of a cache: which steps have targets, and each step its own, read once."""

import errno
import os

import numpy as np
import pytest
from tiny_cache import LAYOUT, logits_of, make, shard_logits

from keras_kd.teachers.cache import store as caches
from keras_kd.teachers.cache.stream import CachedTargets


def runs(targets, start, stop):
    """The plan from `start` to `stop`: [(first, until, cached), ...]."""
    plan = []
    while start < stop:
        until, cached = targets.plan(start, stop)
        plan.append((start, until, cached))
        start = until
    return plan


def test_runs_are_wholly_cached_or_wholly_live(tmp_path):
    targets = CachedTargets(make(tmp_path, [0, 1, 4]))
    assert runs(targets, 0, 20) == [(0, 4, True), (4, 8, False), (8, 10, True), (10, 20, False)]
    assert runs(targets, 3, 9) == [(3, 4, True), (4, 8, False), (8, 9, True)]


def test_runs_are_whole_executions(tmp_path):
    targets = CachedTargets(make(tmp_path, [0, 1, 4]), steps_per_execution=3)
    assert runs(targets, 0, 15) == [(0, 3, True), (3, 9, False), (9, 15, False)]


def test_the_folder_is_looked_at_again(tmp_path):
    cache = make(tmp_path)
    targets = CachedTargets(cache)
    assert targets.plan(0, 10_000) == (256, False)
    cache.write(128, shard_logits(128))
    assert targets.plan(256, 10_000) == (258, True)


def test_a_damaged_shard_is_taught_live_until_it_is_mended(tmp_path):
    cache = make(tmp_path, [0, 1, 2])
    whole = cache.shard_path(1).read_bytes()
    cache.shard_path(1).write_bytes(whole.replace(logits_of(2).tobytes(), logits_of(9).tobytes()))
    targets = CachedTargets(cache)
    with pytest.warns(UserWarning, match=r"shard_00000001\.npz"):
        assert runs(targets, 0, 6) == [(0, 2, True), (2, 4, False), (4, 6, True)]
    assert targets.plan(2, 6) == (4, False)  # without another warning
    cache.write(1, shard_logits(1))
    assert targets.plan(2, 6) == (6, True)


def test_a_shard_that_cannot_be_read_now_is_taught_live_until_it_can(tmp_path, monkeypatch):
    targets = CachedTargets(make(tmp_path, [0, 1]))

    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(caches, "read_archive", fail)
    with pytest.warns(UserWarning, match=r"shard_00000000\.npz .*which may be whole.*live teacher"):
        assert targets.plan(0, 4) == (2, False)
    monkeypatch.undo()
    assert targets.plan(0, 4) == (4, True)


@pytest.mark.parametrize("start, until", [(0, 10), (3, 8), (5, 6)])
def test_targets_come_step_by_step(tmp_path, start, until):
    targets = CachedTargets(make(tmp_path, range(5)))
    found = list(targets.logits(start, until).as_numpy_iterator())
    assert len(found) == until - start
    for step, logits in zip(range(start, until), found):
        np.testing.assert_array_equal(logits, logits_of(step))


def test_a_worker_reads_its_own_rows(tmp_path):
    cache = make(tmp_path, [0])
    targets = CachedTargets(cache, worker_index=1, num_workers=2)
    (logits,) = targets.logits(1, 2).as_numpy_iterator()
    np.testing.assert_array_equal(logits, logits_of(1)[2:])
    assert targets.logits(1, 2).element_spec.shape == (2, 3)


def test_no_more_than_three_shards_are_in_memory(tmp_path):
    cache = make(tmp_path, range(12))
    targets = CachedTargets(cache)
    read = []
    targets._read = lambda shard: read.append(shard) or [cache.read(int(shard))["logits"]]
    for index, _ in enumerate(targets.logits(0, 24)):
        # Two batches wait decoded, each at most of the shard after the one being taken apart.
        assert len(read) <= (index + 1 + 2 + 2) // 2 + 3
    assert len(read) == 12


def test_every_shard_is_read_once(tmp_path, monkeypatch):
    cache = make(tmp_path, range(6))
    read, reads = cache.read, []
    monkeypatch.setattr(cache, "read", lambda shard: reads.append(shard) or read(shard))
    targets, found, start = CachedTargets(cache), [], 0
    monkeypatch.setattr("keras_kd.teachers.cache.stream.HORIZON_BYTES", 3 * LAYOUT.shard_bytes)
    while start < 12:
        until, cached = targets.plan(start, 12)
        assert cached and until - start == 6
        found += list(targets.of_worker(0, 1).logits(start, until).as_numpy_iterator())
        start = until
    np.testing.assert_array_equal(found, [logits_of(step) for step in range(12)])
    assert reads == list(range(6)) and not targets._ahead
