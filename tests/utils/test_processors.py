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


def test_batches_and_scans_use_as_many_threads(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 4, 5}, raising=False)
    asked = []
    monkeypatch.setattr(tf.data.Dataset, "map", lambda *args: asked.append(args[2]))
    assembly.map_parallel(tf.data.Dataset.range(2), lambda x: x)
    pool = scan.ThreadPoolExecutor
    monkeypatch.setattr(scan, "ThreadPoolExecutor", lambda n: asked.append(n) or pool(n))
    scan.scan(None, None, 0)
    assert asked == [3, 3]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("model name\t: Xeon\nflags\t\t: fpu avx2 avx512_vnni amx_int8\n",
         {"processor": "Xeon", "instructions": ["AVX-512 VNNI", "AMX"]}),
        ("model name\t: Old\nflags\t\t: fpu avx2\n", {"processor": "Old", "instructions": []}),
        ("Features\t: fp asimd asimddp\nmodel name : Arm\n",
         {"processor": "Arm", "instructions": ["dot product"]}),
    ],
)  # fmt: skip
def test_a_processor_tells_its_name_and_products_of_int8(tmp_path, lines, told):
    (tmp_path / "cpuinfo").write_text(lines)
    assert processors.described(tmp_path / "cpuinfo") == told


def test_systems_that_do_not_tell_have_a_name_all_the_same(tmp_path):
    found = processors.described(tmp_path / "nothing")
    assert found["processor"] and found["instructions"] == []
