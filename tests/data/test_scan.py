"""Unreadable files are counted and named, and a scan is kept until a file changes."""

import io
import os

import numpy as np
import pytest
from image_files import class_folder, decoded, picture
from PIL import Image

from keras_kd.data import load_source


def spoil(root):
    """Adds a truncated JPEG, an empty file, a text named .jpg and a TIFF to class cat."""
    good = io.BytesIO()
    Image.fromarray(picture(64, 64)).save(good, "JPEG")
    # Truncated at the end: a crop of the upper part would decode.
    (root / "cat" / "truncated.jpg").write_bytes(good.getvalue()[:-60])
    (root / "cat" / "empty.jpg").write_bytes(b"")
    (root / "cat" / "text.jpg").write_text("no image at all")
    Image.fromarray(picture()).save(root / "cat" / "scan.tiff")
    return {"cat/truncated.jpg", "cat/empty.jpg", "cat/text.jpg", "cat/scan.tiff"}


def test_bad_files_are_skipped_counted_and_listed(tmp_path):
    names = spoil(class_folder(tmp_path))
    source = load_source(f"folder:{tmp_path}", allow_bad=0.5)
    parts = [source.split("train"), source.split("test")]
    skipped = dict(entry for part in parts for entry in part.skipped)
    assert set(skipped) == names
    assert sum(part.num_examples for part in parts) == 20
    assert "empty" in skipped["cat/empty.jpg"]
    assert "Unknown image file format" in skipped["cat/text.jpg"]
    assert ".webp" in skipped["cat/scan.tiff"]
    assert "{{" not in "".join(skipped.values())
    # What is left is read by position as before.
    part = parts[0]
    assert {decoded(part, i).shape for i in range(part.num_examples)} == {(12, 16, 3)}
    # Ids do not move when a neighbour is skipped.
    assert len(part.skipped) == source.counts["train"] - part.num_examples
    assert set(part.ids) < set(range(24))


def test_too_many_bad_files_stop(tmp_path):
    class_folder(tmp_path / "train")
    spoil(tmp_path / "train")
    message = (
        r"4 of 24 images in folder:.*split 'train' cannot be read \(16\.7%\), more than the "
        r"allowed 1\.0%\. First ones: train/cat/\w+\..*Received: data\.allow_bad=0\.01"
    )
    with pytest.raises(ValueError, match=message):
        load_source(f"folder:{tmp_path}").split("train")
    assert load_source(f"folder:{tmp_path}", allow_bad=4 / 24).split("train").num_examples == 20


def test_nothing_readable(tmp_path):
    (tmp_path / "train" / "c").mkdir(parents=True)
    (tmp_path / "train" / "c" / "a.jpg").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"No image in .* can be read, out of 1.*c/a\.jpg: .*empty"
    ):
        load_source(f"folder:{tmp_path}", allow_bad=1.0).split("train")


def test_index_is_reused_until_a_file_changes(tmp_path, monkeypatch):
    root, index = class_folder(tmp_path / "images"), tmp_path / "index"
    (root / "cat" / "text.jpg").write_text("no image")
    options = {"allow_bad": 0.5, "index_dir": index}
    fresh = [load_source(f"folder:{root}", **options).split(s) for s in ("train", "test")]

    def forbidden(*args, **kwargs):
        raise AssertionError("scanned again")

    with monkeypatch.context() as patch:
        patch.setattr("keras_kd.data.scan.scan", forbidden)
        kept = [load_source(f"folder:{root}", **options).split(s) for s in ("train", "test")]
        for one, two in zip(fresh, kept):
            for name in ("labels", "sizes", "ids", "skipped", "is_jpeg", "checksums"):
                np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
            np.testing.assert_array_equal(decoded(one, 1), decoded(two, 1))
        for file in (root / "cat").iterdir():
            os.utime(file, ns=(1, 1))
        with pytest.raises(AssertionError, match="scanned again"):
            load_source(f"folder:{root}", **options).split("train")
    for file in index.iterdir():
        file.write_bytes(file.read_bytes()[:50])  # Damaged: scanned again, without a word.
    again = load_source(f"folder:{root}", **options).split("train")
    np.testing.assert_array_equal(again.labels, fresh[0].labels)
