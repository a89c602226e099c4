"""Writers of one cache: they make what is missing, share the work, and leave no remains."""

import errno
import json
import multiprocessing
import os
import subprocess
import sys

import numpy as np
import pytest
from tiny_cache import fail, fill, make, shard_logits, stream, teach

from keras_kd.teachers.cache import claims as cache_claims
from keras_kd.teachers.cache import store as caches
from keras_kd.teachers.cache import writer as cache_writer
from keras_kd.teachers.cache.claims import Claim
from keras_kd.teachers.cache.store import TeacherCache


def test_a_full_disk_leaves_no_part_of_a_shard(tmp_path, monkeypatch):
    cache = make(tmp_path, [0])

    def half(file, **arrays):
        file.write(b"x" * 100)
        fail(errno.ENOSPC)()

    monkeypatch.setattr(caches.np, "savez", half)
    with pytest.raises(OSError, match=r"shard_00000001\.npz \(No space left on device\)"):
        fill(cache, range(2))
    assert sorted(os.listdir(tmp_path)) == ["cache.json", "shard_00000000.npz"]


def test_a_read_only_folder_is_read_but_not_written(tmp_path, monkeypatch):
    cache = make(tmp_path, [0])
    monkeypatch.setattr(Claim, "_create", fail(errno.EROFS))
    assert fill(cache, [0]) == 0
    assert TeacherCache(tmp_path).is_whole(0)
    with pytest.raises(OSError, match=r"must be writable \(Read-only file system\)"):
        fill(cache, [1])


def test_a_writer_makes_what_is_missing_and_mends_what_is_damaged(tmp_path):
    cache = make(tmp_path, [1, 2])
    cache.shard_path(2).write_bytes(b"damaged")
    untouched = cache.shard_path(1).stat().st_mtime_ns
    done = []
    with pytest.warns(UserWarning, match="shard_00000002"):
        assert fill(cache, range(1, 5), advance=done.append) == 3 * 8
    assert sum(done) == 4 * 8
    assert cache.shard_path(1).stat().st_mtime_ns == untouched
    for shard in range(1, 5):
        np.testing.assert_array_equal(cache.read(shard)["logits"], shard_logits(shard))
    assert not list(tmp_path.glob("*.claim")) and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "error",
    [OSError(code, os.strerror(code)) for code in (errno.EIO, errno.ESTALE, errno.EACCES)]
    + [MemoryError()],
    ids=["EIO", "ESTALE", "EACCES", "memory"],
)
def test_a_shard_that_cannot_be_read_now_is_kept(tmp_path, monkeypatch, error):
    cache = make(tmp_path, [0])
    whole = cache.shard_path(0).read_bytes()

    def fail(*_):
        raise error

    monkeypatch.setattr(caches, "read_archive", fail)
    with pytest.raises(type(error), match=r"read the cached targets in .*shard_00000000") as raised:
        fill(cache, range(1))
    assert getattr(raised.value, "errno", None) == getattr(error, "errno", None)
    assert cache.shard_path(0).read_bytes() == whole
    assert os.listdir(tmp_path).count("shard_00000000.claim") == 0
    monkeypatch.undo()
    assert fill(cache, range(1)) == 0


def test_neighbouring_shards_come_out_of_one_stream(tmp_path):
    cache, starts = make(tmp_path, [2]), []

    def counted(start):
        starts.append(start)
        return stream(start)

    cache_writer.fill(cache, range(5), counted, teach)
    assert starts == [0, 6]


def test_remains_of_a_killed_writer_are_cleared(tmp_path):
    cache = make(tmp_path)
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=-1)
    owner = {"host": "here", "pid": int(dead.stdout), "place": cache_claims.process_space()}
    (tmp_path / "shard_00000000.claim").write_text(json.dumps(owner))
    (tmp_path / ".shard_00000000.npz.1-ab.tmp").write_bytes(b"half a shard")
    assert fill(cache, [0]) == 8
    assert sorted(os.listdir(tmp_path)) == ["cache.json", "shard_00000000.npz"]


class Enough(Exception):
    """Ends a writer that would wait."""


def test_a_writer_that_waits_says_once_on_whom_and_deletes_nothing(tmp_path, monkeypatch, logged):
    cache, rounds = make(tmp_path, [1]), []
    cache.shard_path(0).write_bytes(b"damaged")
    assert Claim(tmp_path / "shard_00000000.claim").take()

    def sleep(_):
        rounds.append(0)
        if len(rounds) == 3:
            raise Enough

    monkeypatch.setattr(cache_writer.time, "sleep", sleep)
    with pytest.raises(Enough), pytest.warns(UserWarning, match="damaged"):
        fill(cache, range(2))
    (line,) = logged()
    assert line.startswith(f"Waiting for process {os.getpid()} on ") and "shard 0 of" in line
    assert cache.shard_path(0).exists()


def test_shards_are_checked_when_their_turn_comes(tmp_path, monkeypatch):
    cache, events = make(tmp_path, [1, 2]), []
    read, write = cache.read, cache.write
    monkeypatch.setattr(cache, "read", lambda s: events.append(f"read {s}") or read(s))
    monkeypatch.setattr(cache, "write", lambda s, x: events.append(f"write {s}") or write(s, x))
    fill(cache, range(4))
    assert events == ["write 0", "read 1", "read 2", "write 3"]


def _fill_in_a_process(path, barrier, counts):
    barrier.wait()
    counts.put(fill(make(path), range(40)))


def test_parallel_writers_share_the_work(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, counts = context.Barrier(3), context.Queue()
    writers = [
        context.Process(target=_fill_in_a_process, args=(tmp_path, barrier, counts))
        for _ in range(3)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert sum(counts.get(timeout=1) for _ in writers) == 40 * 8  # none made twice
    cache = TeacherCache(tmp_path)
    for shard in range(40):
        np.testing.assert_array_equal(cache.read(shard)["logits"], shard_logits(shard))
