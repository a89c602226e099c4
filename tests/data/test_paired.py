"""Pairs of images: joined by path or record, cropped alike, and what is refused."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_kd.data import Views, build_dataset, load_source, load_unlabelled
from keras_kd.data.fake import FakeSource
from keras_kd.data.modality import BOTH, Modality
from keras_kd.data.paired import Paired

SECOND = Modality((), paired=True)


def image_of(rng, size=(12, 10)):
    return rng.integers(0, 256, (*size, 3), np.uint8)


@pytest.fixture
def folders(tmp_path):
    """Eight colour images in two classes, and of each its negative, under another ending."""
    rng = np.random.default_rng(0)
    for number in range(8):
        pixels = image_of(rng)
        for kind, ending, what in (("rgb", "bmp", pixels), ("depth", "png", 255 - pixels)):
            path = tmp_path / kind / "ab"[number % 2] / f"{number}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(what).save(path)
    return tmp_path


def paired(folders, **options):
    first = load_source(f"folder:{folders / 'rgb'}")
    return Paired(first, load_unlabelled(f"folder:{folders / 'depth'}"), **options)


def batch(source, modality=SECOND, **options):
    views = Views("inception_crop(0.3,1)|flip", mix=options.pop("mix", None), modality=modality)
    data = build_dataset(source, "train", views, 4, 8, seed=2, start_step=3, **options)
    return next(iter(data))


@pytest.mark.parametrize("mix", [None, "mixup"])
def test_both_are_cropped_flipped_and_mixed_alike(folders, mix):
    """The second image is the negative of the first: so must be every crop of it."""
    x, y = batch(paired(folders), mix=mix)
    np.testing.assert_allclose(x["student"], -x["teacher"].numpy(), atol=1e-5)
    plain, labels = batch(load_source(f"folder:{folders / 'rgb'}"), None, mix=mix)
    np.testing.assert_array_equal(x["teacher"], plain)
    np.testing.assert_array_equal(y, labels)


def test_ops_and_roles_go_with_it(folders):
    gray = Modality(Modality.parse("gray").ops, BOTH, paired=True)
    x, _ = batch(paired(folders), gray)
    plain, _ = batch(load_source(f"folder:{folders / 'rgb'}"), None)
    for got, seen in zip(x, plain, strict=True):
        np.testing.assert_allclose(got, Modality.parse("gray").apply(-seen), atol=1e-5)
    assert str(gray) == "paired|gray"


def test_those_without_a_second_image_are_counted(folders, caplog):
    next((folders / "depth" / "a").iterdir()).unlink()
    with pytest.raises(
        ValueError, match=r"1 of [56] in folder.*without one.*raise data\.allow_bad"
    ):
        for split in ("train", "test"):
            paired(folders).split(split)
    caplog.set_level("INFO")
    source = paired(folders, allow_bad=0.5)
    assert source.split("train").num_examples + source.split("test").num_examples == 7
    assert "have no second image and are left out: a/" in caplog.text


def test_images_of_two_sizes_are_refused(folders):
    path = next((folders / "depth" / "b").iterdir())
    Image.open(path).resize((20, 12)).save(path)
    with pytest.raises(ValueError, match=r"one height and width.*12x10 and 12x20 pixels, 1 such"):
        for split in ("train", "test"):
            paired(folders).split(split)


def test_two_files_for_one_are_refused(folders):
    path = next((folders / "depth" / "b").iterdir())
    Image.open(path).save(path.with_suffix(".bmp"))
    with pytest.raises(ValueError, match=r"1 files in folder.* differ from others in their ending"):
        paired(folders).split("train")


def test_other_channels_are_refused(folders):
    grey = FakeSource("grey", ["a", "b"], 1, {"train": 8}, 8)
    with pytest.raises(ValueError, match="must have as many channels"):
        Paired(load_source(f"folder:{folders / 'rgb'}"), grey)


def test_two_images_of_a_record(tmp_path):
    rng = np.random.default_rng(0)
    path = str(tmp_path / "train-0.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for label in (0, 1, 0, 1):
            pixels = image_of(rng)
            values = {key: tf.train.Feature(bytes_list=tf.train.BytesList(
                value=[tf.io.encode_png(what).numpy()]))
                for key, what in (("image", pixels), ("depth", 255 - pixels))}  # fmt: skip
            values["label"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
            example = tf.train.Example(features=tf.train.Features(feature=values))
            writer.write(example.SerializeToString())
    index = tmp_path / "index"  # scans of the one must not serve the other
    first, second = (
        load_source(f"tfrecord:{path}{key}", index_dir=index) for key in ("", "#depth")
    )
    x, _ = batch(Paired(first, second))
    np.testing.assert_allclose(x["student"], -x["teacher"].numpy(), atol=1e-5)
    with pytest.raises(ValueError, match="no elevation among its keys"):
        load_source(f"tfrecord:{path}#elevation").split("train")
