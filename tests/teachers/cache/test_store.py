"""The cache on disk: what is written is read, what is damaged is found, who may write and read."""

import errno
import json
import multiprocessing
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from keras_kd import methods
from keras_kd.methods.features import FeatureMethod
from keras_kd.methods.logits import LogitMethod
from keras_kd.teachers.cache import claims as cache_claims
from keras_kd.teachers.cache import store as caches
from keras_kd.teachers.cache import writer as cache_writer
from keras_kd.teachers.cache.claims import Claim
from keras_kd.teachers.cache.store import Layout, TeacherCache
from keras_kd.teachers.cache.stream import CachedTargets

LAYOUT = Layout(batch_size=4, num_classes=3, dtype="float32", steps_per_shard=2)
FINGERPRINT = {"seed": 0, "views.crop_area": (0.5, 1.0), "teacher.weights": "abc"}


def logits_of(step):
    """Another number for each step, row and class."""
    return (step * 100 + np.arange(12, dtype="float32")).reshape(4, 3)


def shard_logits(shard):
    return np.stack([logits_of(step) for step in range(2 * shard, 2 * shard + 2)])


def make(path, shards=()):
    cache = TeacherCache.create(path, FINGERPRINT, LAYOUT)
    for shard in shards:
        cache.write(shard, shard_logits(shard))
    return cache


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


def fail(code):
    def failing(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    return failing


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


def stream(start):
    """Images that hold their own step."""
    step = start
    while True:
        yield np.full((4, 1), step)
        step += 1


def teach(images):
    return logits_of(images[0, 0])


def fill(cache, shards, **options):
    return cache_writer.fill(cache, shards, stream, teach, **options)


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


def test_claims_exclude_go_stale_and_are_given_up(tmp_path):
    path = tmp_path / "claim"
    mine = Claim(path)
    assert mine.take()
    elsewhere = {"host": "elsewhere", "pid": 1}
    path.write_text(json.dumps(elsewhere))
    assert not Claim(path).take()
    old = os.stat(path).st_mtime - cache_claims.STALE_SECONDS
    os.utime(path, (old + 60, old + 60))
    assert not Claim(path).take()
    os.utime(path, (old - 60, old - 60))
    mine._beaten = -1e9
    mine.beat()  # the owner lives after all
    assert not Claim(path).take()
    os.utime(path, (old - 60, old - 60))
    with Claim(path) as later:
        assert later.take()
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not list(tmp_path.iterdir())


def test_a_claim_that_was_taken_over_is_not_given_up_by_its_first_owner(tmp_path):
    first, second = Claim(tmp_path / "claim"), Claim(tmp_path / "claim", stale_seconds=-1)
    assert first.take() and second.take()
    first.release()
    assert not Claim(tmp_path / "claim").take()
    second.release()
    assert not list(tmp_path.iterdir())


def test_a_claim_that_changed_hands_meanwhile_is_left_to_its_new_owner(tmp_path, monkeypatch):
    path = tmp_path / "claim"
    assert Claim(path).take()
    late, quick = (Claim(path, stale_seconds=-1) for _ in range(2))
    judge = late._is_stale
    monkeypatch.setattr(late, "_is_stale", lambda judged: judge(judged) and quick.take())
    assert not late.take()
    assert json.loads(path.read_text())["token"] == quick._token
    assert sorted(os.listdir(tmp_path)) == ["claim"]


@pytest.mark.parametrize("pid", [os.getpid(), 2**22 + 1], ids=["own", "unknown"])
def test_an_owner_in_another_container_is_not_looked_for_here(tmp_path, pid):
    owner = {"host": cache_claims.socket.gethostname(), "pid": pid, "place": "of its own"}
    (tmp_path / "claim").write_text(json.dumps(owner))
    assert not Claim(tmp_path / "claim").take()


def test_a_claim_that_could_not_be_written_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_claims.Path, "write_text", fail(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        Claim(tmp_path / "claim").take()
    assert not list(tmp_path.iterdir())


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


def test_methods_say_whether_they_need_the_logits_themselves():
    rng, judged = np.random.default_rng(0), 0
    student, teacher = rng.normal(size=(2, 6, 5)).astype("float32")
    batch = {"labels": np.arange(6) % 5, "id": np.arange(6)}
    moved = teacher + rng.normal(size=(6, 1)).astype("float32")
    for name, cls in methods.METHODS.items():
        if issubclass(cls, (FeatureMethod, methods.CRD, methods.Hint)):
            continue  # they cannot do without taps, or without the number of examples
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
