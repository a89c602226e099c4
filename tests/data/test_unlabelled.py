"""Images without labels: hidden ones, and further ones that join."""

import shutil

import numpy as np
import pytest
from image_files import class_folder, picture, save
from PIL import Image

from keras_kd.data import FixedViews, build_dataset, load_source, load_unlabelled
from keras_kd.data.unlabelled import Joined, Unlabelled


@pytest.fixture
def folders(tmp_path):
    """A source of two classes, and a heap of five images."""
    class_folder(tmp_path / "known")
    for index in range(5):
        save(tmp_path / "heap" / f"{index}.png", picture(height=14, value=200 + index))
    return tmp_path


def joined(folders, split="train"):
    source = load_source(f"folder:{folders}/known")
    heap = load_unlabelled(f"folder:{folders}/heap")
    return source, heap, Joined(source, heap, split, source.split("test"))


def test_hidden_labels_are_no_class(digits):
    examples = Unlabelled(digits).split("train[:30]")
    assert set(examples.labels) == {-1}
    np.testing.assert_array_equal(examples.ids, digits.split("train[:30]").ids)


def test_both_are_one_list_of_images_without_labels(folders):
    source, heap, both = joined(folders)
    first, further, examples = source.split("train"), heap.split("train"), both.split("train")
    assert examples.num_examples == 16 + 5 and set(examples.labels) == {-1}
    np.testing.assert_array_equal(examples.ids[:16], first.ids)
    np.testing.assert_array_equal(examples.ids[16:], further.ids + 20)  # of 20 files in all
    np.testing.assert_array_equal(examples.sizes[16:], further.sizes)
    assert len(set(examples.ids)) == 21
    assert both.class_names == source.class_names and both.describe("train").startswith("5 of ")


def test_an_epoch_shows_each_once_and_its_own_pixels(folders):
    source, heap, both = joined(folders)
    stream = build_dataset(both, "train", "fix/rs", 7, 12, with_ids=True)
    seen = {}
    for x, _ in stream.take(3).as_numpy_iterator():
        seen.update(dict(zip(x["id"], x["student"])))
    assert len(seen) == 21
    for part, offset in ((source, 0), (heap, 20)):
        alone = build_dataset(part, "train", "fix/rs", 5, 12, with_ids=True)
        x, _ = next(iter(alone))
        for one, image in zip(x["id"].numpy(), x["student"].numpy()):
            np.testing.assert_array_equal(seen[one + offset], image)


def test_a_stream_begins_at_any_step_and_workers_share_it(folders):
    *_, both = joined(folders)

    def batches(**options):
        made = build_dataset(both, "train", "mix", 6, 8, seed=3, with_ids=True, **options)
        return [(x["id"], x["image"]) for x, _ in made.take(2).as_numpy_iterator()]

    whole = [
        (x["id"], x["image"])
        for x, _ in build_dataset(both, "train", "mix", 6, 8, seed=3, with_ids=True)
        .take(6)
        .as_numpy_iterator()
    ]
    for got, want in zip(batches(start_step=4), whole[4:]):
        np.testing.assert_array_equal(got[0], want[0])
        np.testing.assert_array_equal(got[1], want[1])
    shares = [batches(worker_index=index, num_workers=2) for index in range(2)]
    for step in range(2):
        for part in range(2):
            got = np.concatenate([share[step][part] for share in shares])
            np.testing.assert_array_equal(got, whole[step][part])


def test_images_that_are_evaluated_or_there_already_are_left_out(folders):
    for split in ("train", "test"):
        source = load_source(f"folder:{folders}/known")
        file = source._files[source.split(split).ids[0]]
        shutil.copy(file, folders / "heap" / f"{split}.png")
    *_, both = joined(folders)
    assert both.split("train").num_examples == 16 + 5
    assert both.left_out("train") == {"evaluated": 1, "twice": 1}
    said = both.describe("train")
    assert "1 are evaluated on and left out" in said and "1 are training images already" in said


def test_the_folder_itself_has_no_further_images(folders):
    source = load_source(f"folder:{folders}/known")
    same = load_unlabelled(f"folder:{folders}/known")
    both = Joined(source, same, "train", source.split("test"))
    with pytest.raises(ValueError, match="all of whose images are trained or evaluated on"):
        both.split("train")
    # Beside a part of the training images, the others are further ones.
    assert both.split("train[:10]").num_examples == 16


def test_the_rest_of_a_data_set_in_memory_joins(digits):
    both = Joined(digits, digits, "train+test", digits.split("test"))
    examples = both.split("train[:100]")
    # A handful of equal pictures count as one.
    assert 1290 < examples.num_examples <= 1297 and len(set(examples.ids)) == len(examples.ids)


def test_what_does_not_go_together_is_refused(folders, digits):
    source, _heap, _ = joined(folders)
    with pytest.raises(ValueError, match=r"as many channels .* Received: 1 in digits, 3 in folder"):
        Joined(source, digits, "train", source.split("test"))


def test_labels_that_are_no_classes_do_not_matter(folders):
    """As of a test split whose labels were never published."""
    opened = load_unlabelled(f"folder:{folders}/heap")
    opened._labels[:] = -1
    assert opened.split("train").num_examples == 5
    strict = load_source(f"folder:{folders}/known")
    strict._labels[:] = -1
    with pytest.raises(ValueError, match=r"Labels in .* must lie in \[0, 2\)"):
        strict.split("train")


def test_what_lies_on_its_side_is_turned_in_both(tmp_path):
    """Each image alone and among the others: the same pixels."""
    for name, orientation in (("known/train/a/a", 6), ("known/train/a/b", 1), ("heap/c", 3)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(tmp_path / f"{name}.png", picture(9, 14, value=orientation), exif=exif)
    source = load_source(f"folder:{tmp_path}/known", exif="apply")
    heap = load_unlabelled(f"folder:{tmp_path}/heap", exif="apply")
    apart, both = (
        [source.split("train"), heap.split("train")],
        Joined(source, heap, "train", source.split("train")),
    )
    examples = both.split("train")
    assert examples.upright and examples.num_lying == 2 and examples.num_examples == 3
    np.testing.assert_array_equal(
        examples.orientations, np.concatenate([one.orientations for one in apart])
    )

    def shown(one):
        views = FixedViews(one, "train", "fix/cc", 8)
        return views.at(range(views.examples.num_examples), 0)

    alone = np.concatenate([shown(source), shown(heap)])
    np.testing.assert_allclose(shown(both), alone, atol=1e-6)
