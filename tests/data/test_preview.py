"""The sample sheet: written, of the right size, of the real pipeline, and refused clearly."""

import os

import numpy as np
import pytest
from PIL import Image

from keras_kd.data import build_dataset, load_source, preview
from keras_kd.data import preview as preview_function


@pytest.mark.parametrize("mode", ["mix", "ind/rc", "fix/cc", "fix/ic_ens"])
def test_sheet_is_a_png(tmp_path, mode):
    path = tmp_path / "sheet.png"
    assert preview("digits", "train", mode, 8, path, num_images=3) == str(path)
    with Image.open(path) as image:
        assert image.format == "PNG" and image.width > 300 and image.height > 300
        pixels = np.asarray(image.convert("L"))
    assert pixels.std() > 20  # Pictures, not an empty page.


def test_sheet_shows_the_first_batch_of_the_run(tmp_path, monkeypatch):
    import importlib

    module = importlib.import_module("keras_kd.data.preview")
    seen = {}

    def spy(source, examples, x, columns, mode, weight, path):
        seen.update(x=x, columns=columns, weight=weight, source=source, examples=examples)

    monkeypatch.setattr(module, "_draw", spy)
    source = load_source("digits")
    options = {"teacher_resolution": 16, "crop_area": (0.5, 1.0), "flip": False}
    preview_function(
        source,
        "train",
        "mix",
        8,
        tmp_path / "a.png",
        batch_size=32,
        seed=4,
        num_workers=4,
        worker_index=2,
        start_step=9,
        **options,
    )
    want, _ = next(build_dataset(source, "train", "mix", 32, 8, 4, **options).as_numpy_iterator())
    np.testing.assert_array_equal(seen["x"]["teacher"], want["teacher"])
    np.testing.assert_array_equal(seen["x"]["student"], want["student"])
    assert seen["columns"] == 8 and 0.5 <= seen["weight"] <= 1


def test_titles_name_both_classes_and_their_shares():
    from keras_kd.data.preview import _title

    assert _title(["pear", "plum", "kiwi"], 1, None) == "plum"
    assert _title(["pear", "plum", "kiwi"], 0, 0.7) == "0.70 pear\n+ 0.30 kiwi"


@pytest.mark.parametrize(
    "name,error,message",
    [
        ("no/such/folder.png", OSError, r"the folder .*no/such does not exist. Received: path="),
        ("sheet.jpg", ValueError, r"The preview is a PNG file. Received: path="),
        ("folder.png", OSError, r"it is a folder"),
    ],
)
def test_paths_that_cannot_be_written(tmp_path, name, error, message):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(error, match=message):
        preview("digits", "train", "mix", 8, tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="it is not writable"):
        preview("digits", "train", "mix", 8, tmp_path / "a.png")


def test_bad_count(tmp_path):
    with pytest.raises(ValueError, match=r"num_images must be at least 1. Received: num_images=0"):
        preview("digits", "train", "mix", 8, tmp_path / "a.png", num_images=0)


def test_nothing_global_is_left_behind(tmp_path):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    preview("digits", "train", "same/rc", 8, tmp_path / "a.png", num_images=2)
    assert plt.get_fignums() == before
