"""The source of random images: counts and ids of the real one, no file and no network."""

import os

import numpy as np
import pytest

from keras_kd import data
from keras_kd.data import tfds_source
from keras_kd.data.fake import KNOWN, POOL, fake_source


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    def refuse(*_):
        raise AssertionError("a dry run must not download")

    monkeypatch.setattr(tfds_source, "_prepare", refuse)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nothing"))


def test_known_sizes_are_those_of_the_papers_tables():
    # Beyer et al. 2021: 1,020 Flowers, 3,312 of 3,680 Pets, 68,175 of 75,750 Food, 76,128 Sun.
    flowers, pets, food, sun = (
        fake_source(f"tfds:{name}", side=4).split(split).num_examples
        for name, split in (
            ("oxford_flowers102", "train"),
            ("oxford_iiit_pet", "train[:90%]"),
            ("food101", "train[:90%]"),
            ("sun397", "train"),
        )
    )
    assert (flowers, pets, food, sun) == (1020, 3312, 68175, 76128)
    assert fake_source("tfds:imagenet2012", side=4).num_classes == 1000


def test_ids_and_splits_are_as_the_real_source_has_them():
    source = fake_source("tfds:cifar10_jpeg", side=8)
    # As for every TFDS data set, ids count on from split to split by name: 'test' comes first.
    np.testing.assert_array_equal(source.split("train[5:8]").ids, [10005, 10006, 10007])
    assert source.split("test[:20]").num_examples == 20
    with pytest.raises(ValueError, match="Received: split='validation'"):
        source.split("validation")


def test_it_feeds_the_pipeline():
    source = fake_source("tfds:oxford_iiit_pet", side=40)
    x, y = next(iter(data.build_dataset(source, "train", "mix", 8, 32)))
    assert x.shape == (8, 32, 32, 3) and np.std(x) > 0.1
    assert int(np.max(y)) < 37
    last = POOL + 3  # beyond the pool
    np.testing.assert_array_equal(*source.split("test").fetch(np.array([3, last])))


def test_the_embedded_and_the_prepared_are_counted(real_data):
    digits = fake_source("digits", side=8)
    assert (digits.channels, digits.counts) == (1, {"train": 1297, "test": 500})
    for name in ("flowers12", "cifar10_jpeg", "grocery_store"):
        found = fake_source(f"tfds:{name}", str(real_data))
        real = data.load_source(f"tfds:{name}", str(real_data))
        assert (found.class_names, found.counts) == (real.class_names, real.counts)
        assert KNOWN.get(name, (real.num_classes, real.counts)) == (real.num_classes, real.counts)


def test_what_is_not_known_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"(?s)Received: source='tfds:cats'.*oxford_iiit_pet"):
        fake_source("tfds:cats", str(tmp_path))
    with pytest.raises(FileNotFoundError):
        fake_source(f"folder:{os.path.join(tmp_path, 'none')}")
