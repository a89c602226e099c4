"""A folder of images that nobody has sorted."""

import os

import pytest
from image_files import decoded, picture, save

from keras_kd.data import load_source, load_unlabelled


@pytest.fixture
def heap(tmp_path):
    for index, name in enumerate(("b.png", "a.png", "trip/c.png", "trip/day/d.png")):
        save(tmp_path / name, picture(value=10 * index))
    (tmp_path / "notes.txt").write_text("no image")
    save(tmp_path / ".hidden" / "e.png")
    return tmp_path


def test_all_images_below_it_are_there_once(heap):
    source = load_unlabelled(f"folder:{heap}")
    examples = source.split("train")
    assert source.counts == {"train": 4} and source.folders == ["trip", "trip/day"]
    blue = [decoded(examples, index)[0, 0, 2] for index in range(4)]
    assert blue == [10, 0, 20, 30]  # a, b, trip/c, trip/day/d


def test_links_that_go_in_a_circle_end(heap):
    os.symlink(heap, heap / "trip" / "home")
    assert load_unlabelled(f"folder:{heap}").counts == {"train": 4}


def test_one_without_images_and_one_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must hold images \(\.jpg.*Received: folder=.*with none"):
        load_unlabelled(f"folder:{tmp_path}")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"1 of 1 images in folder:.* cannot be read .*bad\.jpg"):
        load_unlabelled(f"folder:{tmp_path}").split("train")
    with pytest.raises(FileNotFoundError, match="A folder of images was expected"):
        load_unlabelled(f"folder:{tmp_path}/none")


def test_other_sources_are_as_ever():
    assert type(load_unlabelled("digits")) is type(load_source("digits"))
