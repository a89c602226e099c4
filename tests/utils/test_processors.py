"""Processors: those that this process may use, not those that the machine has."""

import os

import pytest
import tensorflow as tf

from keras_kd.data import assembly, scan
from keras_kd.utils import processors


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_affinity_counts():
    before = os.sched_getaffinity(0)
    assert processors.usable() == len(before)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert processors.usable() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(("count", "usable"), [(3, 3), (None, 1)])
def test_systems_without_affinity_tell_all_processors(monkeypatch, count, usable):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert processors.usable() == usable


@pytest.mark.parametrize(
    ("told", "name", "instructions"),
    [
        ("model name\t: Some CPU @ 2GHz\nflags\t\t: fpu avx512_vnni avx2", "Some CPU @ 2GHz",
         ["avx512_vnni"]),
        ("Features\t: fp asimd asimddp i8mm\nModel\t: Board 4", "Board 4", ["asimddp", "i8mm"]),
        ("model name\t:\nflags : fpu avx2 avx_vnnix", None, []),
        ("", None, None),
    ],
)  # fmt: skip
def test_what_linux_tells_of_a_processor(monkeypatch, tmp_path, told, name, instructions):
    monkeypatch.setattr(processors, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(processors.platform, "processor", lambda: "")
    monkeypatch.setattr(processors.platform, "machine", lambda: "z80")
    if told:
        (tmp_path / "cpuinfo").write_text(told + "\n\n" + told)
    assert processors.name() == (name or "z80")
    assert processors.int8_instructions() == instructions


def test_batches_and_scans_use_as_many_threads(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 4, 5}, raising=False)
    asked = []
    monkeypatch.setattr(tf.data.Dataset, "map", lambda *args: asked.append(args[2]))
    assembly.map_parallel(tf.data.Dataset.range(2), lambda x: x)
    pool = scan.ThreadPoolExecutor
    monkeypatch.setattr(scan, "ThreadPoolExecutor", lambda n: asked.append(n) or pool(n))
    scan.scan(None, None, 0)
    assert asked == [3, 3]
