"""A folder of images: its splits, its classes, and the layouts that are refused."""

import numpy as np
import pytest
from image_files import class_folder, decoded, save

from keras_kd.data import load_source


def test_folder_without_splits_divides_each_class_by_hash(tmp_path):
    class_folder(tmp_path, count=10)
    save(tmp_path / "solo" / "one.png")
    source = load_source(f"folder:{tmp_path}")
    assert source.class_names == ["cat", "dog", "solo"] and source.channels == 3
    train, test = source.split("train"), source.split("test")
    np.testing.assert_array_equal(np.bincount(train.labels), [8, 8, 1])
    np.testing.assert_array_equal(np.bincount(test.labels), [2, 2])
    assert not set(train.ids) & set(test.ids)
    # The blue channel names the file: labels, pixels and places belong together.
    blues = [int(decoded(part, i)[0, 0, 2]) for part in (train, test) for i in range(len(part.ids))]
    labels = np.concatenate([train.labels, test.labels])
    assert sorted(b for b, label in zip(blues, labels) if label == 1) == list(range(20, 30))
    again = load_source(f"folder:{tmp_path}").split("test")
    np.testing.assert_array_equal(again.labels, test.labels)


def test_folder_with_splits_and_mixed_prefixes(tmp_path):
    for split in ("train", "val"):
        class_folder(tmp_path / split, count=6)
    source = load_source(f"folder:{tmp_path}")
    assert source.counts == {"train": 12, "validation": 12}
    assert len(set(source.split("train[:6]").labels)) == 2  # Not sorted by class.
    with pytest.raises(ValueError, match=r"has the splits \['train', 'validation'\]"):
        source.split("test")


@pytest.mark.parametrize("name", ["validation", "val", "valid", "Val"])
def test_validation_has_several_names(tmp_path, name):
    for split in ("Train", name, "test"):
        class_folder(tmp_path / split, count=3)
    assert load_source(f"folder:{tmp_path}").counts == {"train": 6, "validation": 6, "test": 6}


def test_two_names_of_one_split_are_refused(tmp_path):
    for split in ("train", "val", "valid"):
        class_folder(tmp_path / split, count=3)
    with pytest.raises(ValueError, match="Keep one of val and valid"):
        load_source(f"folder:{tmp_path}")


def test_links_that_lead_nowhere_are_counted(tmp_path):
    class_folder(tmp_path / "train", count=5)
    (tmp_path / "train" / "cat" / "gone.jpg").symlink_to("elsewhere/9.jpg")
    index = tmp_path / ".index"
    for _ in range(2):  # also out of the kept scan
        source = load_source(f"folder:{tmp_path}", allow_bad=0.5, index_dir=index)
        assert source.counts == {"train": 11}
        (skipped,) = source.split("train").skipped
        assert skipped == ("train/cat/gone.jpg", "the link leads nowhere, to elsewhere/9.jpg")


def test_a_class_may_be_called_train(tmp_path):
    class_folder(tmp_path, classes=("bus", "train"))
    assert load_source(f"folder:{tmp_path}").class_names == ["bus", "train"]


def _empty_class(root):
    (class_folder(root) / "fox").mkdir()


def _empty_split(root):
    class_folder(root / "train")
    (root / "test").mkdir()


def _class_in_test_only(root):
    class_folder(root / "train")
    class_folder(root / "test", classes=("cat", "fox"))


def _nested(root):
    class_folder(root / "cat" / "inner")


def _beside_splits(root):
    class_folder(root / "train")
    class_folder(root, classes=("cat",))


@pytest.mark.parametrize(
    "build,message",
    [
        (_empty_class, r"class folder holds no images.*Received: folder='.*fox'.*remove it"),
        (_empty_split, r"The split 'test' has no class folders and so no images"),
        (_class_in_test_only, r"Every class must have training images.*fox"),
        (_nested, r"holds folders of its own \(cat, dog\)|holds folders of its own \(inner\)"),
        (_beside_splits, r"splits \(train\) and others \(cat\) side by side"),
        (lambda root: None, r"No class folders found. Expected PATH/CLASS"),
    ],
)
def test_folder_layout_errors(tmp_path, build, message):
    build(tmp_path)
    with pytest.raises(ValueError, match=message):
        load_source(f"folder:{tmp_path}")
