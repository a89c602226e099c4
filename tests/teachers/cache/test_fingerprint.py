"""What a fingerprint says about the images: other bytes under the same names are other data."""

import dataclasses
import os
import shutil
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_kd.data import Views, load_source
from keras_kd.teachers.cache import fingerprint as cache_fingerprint
from keras_kd.teachers.cache.store import Layout, TeacherCache

COUNT = 12


def write_folder(root, negative):
    """Bitmaps, which are of one size whatever they show."""
    for i in range(COUNT):
        image = np.random.default_rng(i).integers(0, 256, (6, 8, 3), np.uint8)
        path = root / "train" / "ab"[i % 2] / f"{i}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - image if negative else image).save(path)
    return f"folder:{root}"


def write_records(root, negative):
    root.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(root / "train.tfrecord")) as writer:
        for i in range(COUNT):
            image = np.random.default_rng(i).integers(0, 2, (8, 8, 1), np.uint8) * 255
            # Two values, at no compression: as long for the negative.
            encoded = tf.io.encode_png(255 - image if negative else image, compression=0).numpy()
            features = {
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[i % 2])),
            }
            features = tf.train.Features(feature=features)
            writer.write(tf.train.Example(features=features).SerializeToString())
    return f"tfrecord:{root}/*.tfrecord"


def of_data(name, split="train", index_dir=None):
    return cache_fingerprint.of_data(load_source(name, index_dir=index_dir), split)


def changed(one, other):
    return {name for name in one | other if one.get(name) != other.get(name)}


@pytest.mark.parametrize("indexed", [False, True], ids=["scanned", "indexed"])
@pytest.mark.parametrize("write", [write_folder, write_records], ids=["folder", "records"])
def test_negatives_of_the_same_names_labels_and_sizes_are_other_data(tmp_path, write, indexed):
    index_dir = str(tmp_path / "index") if indexed else None
    name = write(tmp_path / "images", negative=False)
    files = [path for path in (tmp_path / "images").rglob("*.*") if path.is_file()]
    sizes = [path.stat().st_size for path in files]
    before = of_data(name, index_dir=index_dir)
    assert of_data(name, index_dir=index_dir) == before
    write(tmp_path / "images", negative=True)
    assert [path.stat().st_size for path in files] == sizes
    assert changed(before, of_data(name, index_dir=index_dir)) == {"data.images"}


def test_one_image_of_a_split_counts_and_those_of_others_do_not(tmp_path):
    name = write_folder(tmp_path / "images", negative=False)
    splits = ("train", "train[:50%]", "train[50%:]")
    before = [of_data(name, split) for split in splits]
    path = next((tmp_path / "images").rglob("*.bmp"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1  # the last bit of one pixel
    path.write_bytes(content)
    after = [of_data(name, split) for split in splits]
    found = [changed(*pair) for pair in zip(before, after, strict=True)]
    assert found[0] == {"data.images"}
    assert sorted(map(len, found[1:])) == [0, 1]


def test_a_copied_folder_is_the_same_data(tmp_path):
    name = write_folder(tmp_path / "images", negative=False)
    shutil.copytree(tmp_path / "images", tmp_path / "elsewhere" / "images")
    for path in (tmp_path / "elsewhere").rglob("*.bmp"):
        os.utime(path, (1, 1))
    assert of_data(f"folder:{tmp_path}/elsewhere/images") == of_data(name)


def test_the_checksums_are_those_of_the_bytes(tmp_path):
    examples = load_source(write_folder(tmp_path, negative=False)).split("train")
    fetched = examples.fetch(tf.range(COUNT)).numpy()
    assert examples.checksums.dtype == np.uint32
    assert examples.checksums.tolist() == [zlib.crc32(encoded) for encoded in fetched]


def test_images_in_memory_are_compared_and_others_said_not_to_be():
    sources = [load_source("digits") for _ in range(3)]
    sources[1].split("train").store.images[3, 4, 5] ^= 1
    examples = sources[2].split("train")
    sources[2]._cache["train"] = dataclasses.replace(examples, store=object())
    plain, other, unknown = (cache_fingerprint.of_data(s, "train") for s in sources)
    assert changed(plain, other) == {"data.images"} and other["data.images"]
    assert changed(plain, unknown) == {"data.images"} and unknown["data.images"] is None


def test_a_cache_of_other_images_or_of_unknown_ones_is_refused_by_name(tmp_path):
    fields = of_data("digits")
    old = {name: value for name, value in fields.items() if name != "data.images"}
    layout = Layout(num_classes=10, batch_size=4)
    for there, said in ((fields | {"data.images": "0"}, "'0'"), (old, "None")):
        cache = TeacherCache.create(tmp_path / said.strip("'"), there, layout)
        with pytest.raises(
            ValueError, match=f"Differences: data.images: {said} there, '\\w+' here"
        ):
            cache.check(fields)


# What caches hold that were filled before views were lists of ops.
EARLIER = {
    "seed": 3,
    "batch_size": 16,
    "views.teacher_resolution": 12,
    "views.mode": "mix",
    "views.flip": False,
    "views.crop_area": (0.2, 1.0),
    "views.crop_aspect": (0.75, 4 / 3),
    "views.rc_scale": 8 / 7,
    "views.mixup_alpha": 0.5,
}


@pytest.mark.parametrize("mode", ["mix", "mix/rc", "mix/sc", "same/ic", "same/rc", "ind/ic"])
def test_caches_of_equal_views_stay_good_however_these_are_said(tmp_path, mode):
    views = Views.of_mode(mode, flip=False, crop_area=(0.2, 1), mixup_alpha=0.5)
    texts = {name: str(ops) for name, ops in vars(views).items() if ops is not None}
    there = EARLIER | {"views.mode": mode}
    cache = TeacherCache.create(tmp_path / "cache", there, Layout(num_classes=10, batch_size=4))
    for same in (views, Views(**texts)):
        cache.check(cache_fingerprint.of_views(same, 16, 12, 3))


@pytest.mark.parametrize(
    "text,mix,difference",
    [
        ("inception_crop(0.2,1)", "mixup(0.4)", "views.mixup_alpha: 0.5 there, 0.4 here"),
        ("inception_crop(0.2,1)", None, "views.mode: 'mix' there, 'same/ic' here"),
        ("inception_crop(0.2,1)|flip", "mixup(0.5)", "views.flip: False there, True here"),
        (
            "inception_crop(0.3,1)",
            "mixup(0.5)",
            r"crop_area: \[0.2, 1.0\] there, \[0.3, 1.0\] here",
        ),
        ("whole_image", "mixup(0.5)", "views.mode: 'mix' there, 'student: whole_image; mix: mixup"),
    ],
)
def test_caches_of_other_views_are_refused(tmp_path, text, mix, difference):
    layout = Layout(num_classes=10, batch_size=4)
    cache = TeacherCache.create(tmp_path / "cache", EARLIER, layout)
    with pytest.raises(ValueError, match=difference):
        cache.check(cache_fingerprint.of_views(Views(text, mix=mix), 16, 12, 3))


def test_copies_of_images_are_of_another_stream():
    views = Views("inception_crop(0.05,1)|randaugment(2,7)", mix="mixup(0.8)|cutmix(1.0)")
    plain = cache_fingerprint.of_views(views, 16, 12, 3)
    assert "views.repeats" not in plain, "targets of before this field stay good"
    copies = cache_fingerprint.of_views(views, 16, 12, 3, repeats=3)
    assert cache_fingerprint.differences(plain, copies) == [
        "views.repeats: '(not set)' there, 3 here"
    ]
    assert "mixup(0.8)|cutmix(1.0,32.0)" in plain["views.mode"]


def test_jpeg_images_are_of_a_decoder(tmp_path):
    """TensorFlow's own choice gave other pixels: targets of then are refused by name."""
    folder = write_folder(tmp_path / "bitmaps", negative=False)
    assert "data.jpeg" not in of_data(folder)
    for path in (tmp_path / "bitmaps").rglob("0.bmp"):
        Image.open(path).save(path.with_suffix(".jpg"))
    assert of_data(folder)["data.jpeg"] == "INTEGER_ACCURATE"
