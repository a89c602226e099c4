"""File names and scans of large folders take little memory, and lose nothing."""

import gc
import os
import tracemalloc

import numpy as np
import pytest

from keras_kd.data import load_source, scan
from keras_kd.data.paths import Paths


def test_paths_are_those_that_were_given():
    names = ["a/1.png", "b/ü と.jpg", os.fsdecode(b"b/\xff\xfe.png"), "c", ""]
    paths = Paths("/top/ö", iter(names))
    assert len(paths) == 5
    assert list(paths) == [os.path.join("/top/ö", name) for name in names]
    assert [paths.name(np.int32(i)) for i in range(5)] == names
    with pytest.raises(IndexError):
        paths[5]
    assert list(Paths("x", [])) == []


def write_files(folder, count):
    folder.mkdir(parents=True)
    for i in range(count):
        (folder / f"n01440764_{i:08}.JPEG").write_bytes(b"%d" % i)


@pytest.mark.slow  # it collects all garbage of its process six times
def test_a_folder_takes_few_bytes_an_image(tmp_path, monkeypatch):
    monkeypatch.setattr(scan, "decode_full", lambda encoded: (1, 1))
    held = []
    for count in (10, 500, 2500):  # the first one only loads what is loaded once
        write_files(tmp_path / f"{count}" / "train" / "n01440764", count)
        gc.collect()
        tracemalloc.start()
        source = load_source(f"folder:{tmp_path}/{count}")
        assert source.split("train").num_examples == count
        gc.collect()
        held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        del source
    assert (held[2] - held[1]) / 2000 < 150
