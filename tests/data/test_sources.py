"""Sources: the right images with the right labels, and every kind of bad input."""

import io
import os

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from sklearn.datasets import load_digits

from keras_kd.data import load_source
from keras_kd.data.byte_ranges import tfrecord_spans


def picture(height=12, width=16, value=0):
    """A smooth picture, so that JPEG keeps it nearly exactly."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y * 8, x * 8, np.full_like(x, value)], axis=-1).clip(0, 255).astype(np.uint8)


def save(path, array=None, mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture() if array is None else array).convert(mode).save(path, **options)


def class_folder(root, classes=("cat", "dog"), count=10, suffix="png"):
    for label, name in enumerate(classes):
        for i in range(count):
            save(root / name / f"{i:03}.{suffix}", picture(value=label * 20 + i))
    return root


def decoded(examples, index):
    """One whole image by the way the pipeline takes."""
    item = examples.fetch(tf.constant([index]))[0]
    return examples.crop(item, tf.constant([0, 0, *examples.sizes[index]], tf.int32)).numpy()


# ---- digits


def test_digits_are_scikit_learns():
    data = load_digits()
    source = load_source("digits")
    train, test = source.split("train"), source.split("test")
    assert (train.num_examples, test.num_examples) == (1297, 500)
    assert (source.num_classes, source.channels) == (10, 1)
    assert sorted([*train.ids, *test.ids]) == list(range(1797))
    for examples in (train, test):
        np.testing.assert_array_equal(examples.labels, data.target[examples.ids])
        np.testing.assert_array_equal(examples.sizes, np.full((len(examples.ids), 2), 8))
    want = np.array([round(v * 255 / 16) for v in data.images[train.ids[5]].ravel()])
    np.testing.assert_array_equal(decoded(train, 5).ravel(), want)


def test_digits_splits_and_prefixes_are_stratified():
    source = load_source("digits")
    share = np.bincount(load_digits().target) / 1797
    for split in ("train", "test", "train[:300]", "train[50%:60%]"):
        labels = source.split(split).labels
        assert np.abs(np.bincount(labels, minlength=10) - share * len(labels)).max() < 2, split


def test_sub_splits_are_parts_of_the_split():
    source = load_source("digits")
    whole, low, high = (source.split(s) for s in ("train", "train[:90%]", "train[90%:]"))
    np.testing.assert_array_equal(np.concatenate([low.ids, high.ids]), whole.ids)
    both = source.split("test+train[:10]")
    np.testing.assert_array_equal(both.ids[500:], whole.ids[:10])


# ---- folders


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


def test_a_class_may_be_called_train(tmp_path):
    class_folder(tmp_path, classes=("bus", "train"))
    assert load_source(f"folder:{tmp_path}").class_names == ["bus", "train"]


@pytest.mark.parametrize(
    "name,mode,options,tolerance",
    [
        ("a.png", "RGB", {}, 0),
        ("a.png", "RGBA", {}, 0),
        ("a.png", "L", {}, 0),
        ("a.png", "LA", {}, 0),
        ("a.png", "P", {}, 0),
        ("a.bmp", "RGB", {}, 0),
        ("a.gif", "P", {}, 0),
        ("a.webp", "RGB", {"lossless": True}, 0),
        ("a.jpg", "RGB", {"quality": 98, "subsampling": 0}, 6),
        ("a.JPEG", "CMYK", {"quality": 98}, 6),
        ("a.jpg", "L", {"quality": 98}, 6),
        ("png_in_disguise.jpg", "RGB", {"format": "PNG"}, 0),
    ],
)
def test_every_kind_of_image_gets_three_channels(tmp_path, name, mode, options, tolerance):
    save(tmp_path / "train" / "c" / name, mode=mode, **options)
    examples = load_source(f"folder:{tmp_path}").split("train")
    image = decoded(examples, 0).astype(int)
    assert image.shape == (12, 16, 3)
    want = Image.fromarray(picture()).convert(mode).convert("RGB")  # PIL's reading of the mode.
    want = np.asarray(want).astype(int)
    assert np.abs(image - want).max() <= tolerance
    # The crop alone: chroma is interpolated differently at its edges, so JPEG differs a little.
    crop = examples.crop(examples.fetch(tf.constant([0]))[0], tf.constant([2, 3, 5, 7]))
    assert np.abs(crop.numpy() - want[2:7, 3:10]).max() <= 2 * tolerance


def test_sixteen_bit_png(tmp_path):
    grey = picture()[..., 0]
    (tmp_path / "train" / "c").mkdir(parents=True)
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "train" / "c" / "a.png")
    image = decoded(load_source(f"folder:{tmp_path}").split("train"), 0)
    np.testing.assert_array_equal(image, grey[..., None].repeat(3, -1))


def test_orientation_in_exif_is_not_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # Rotate by 90 degrees.
    save(tmp_path / "train" / "c" / "a.jpg", exif=exif)
    assert load_source(f"folder:{tmp_path}").split("train").sizes.tolist() == [[12, 16]]


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


def test_a_file_that_changes_after_the_scan_is_an_error(tmp_path):
    class_folder(tmp_path / "train", classes=("c",), count=1)
    examples = load_source(f"folder:{tmp_path}").split("train")
    (tmp_path / "train" / "c" / "000.png").write_bytes(b"short")
    with pytest.raises(OSError, match=r"Expected .* bytes.*changed since it was scanned"):
        examples.fetch(tf.constant([0]))
    data = tf.data.Dataset.from_tensors([0]).map(examples.fetch)
    with pytest.raises(tf.errors.OpError, match="changed since it was scanned"):
        next(iter(data))


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


# ---- TFDS


def write_tfds(root, labels, payloads=None, image=None, classes=("a", "b", "c")):
    """A data set of PNG images in TFDS layout, two shards, and what lies in it."""
    features = tfds.features.FeaturesDict(
        {
            "note": tfds.features.Text(),
            "image": image or tfds.features.Image(encoding_format="png"),
            "label": tfds.features.ClassLabel(names=list(classes)),
        }
    )
    template = tfds.core.ShardedFileTemplate(
        data_dir=root, dataset_name="toy", split="train", filetype_suffix="tfrecord"
    )
    half = (len(labels) + 1) // 2
    shards = [range(half), range(half, len(labels))]
    shards = [rows for rows in shards if len(rows)]
    root.mkdir(parents=True, exist_ok=True)
    for number, rows in enumerate(shards):
        name = root / f"toy-train.tfrecord-{number:05}-of-{len(shards):05}"
        with tf.io.TFRecordWriter(str(name)) as writer:
            for row in rows:
                png = io.BytesIO()
                Image.fromarray(picture(value=row)).save(png, "PNG")
                data = (payloads or {}).get(row, png.getvalue())
                feature = {
                    "note": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"hello"])),
                    "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[data])),
                    "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[labels[row]])),
                }
                example = tf.train.Example(features=tf.train.Features(feature=feature))
                writer.write(example.SerializeToString())
    tfds.folder_dataset.write_metadata(
        data_dir=root,
        features=features,
        split_infos=[
            tfds.core.SplitInfo(
                name="train",
                shard_lengths=[len(rows) for rows in shards],
                num_bytes=0,
                filename_template=template,
            )
        ],
        supervised_keys=("image", "label"),
        check_data=False,
    )
    return root


@pytest.fixture
def toy(tmp_path):
    return write_tfds(tmp_path / "toy" / "1.0.0", [0, 1, 2, 0, 1, 2, 0])


@pytest.mark.parametrize("spec", ["train", "train[2:5]", "train[50%:]", "train[5:]+train[:2]"])
def test_tfds_layout_reads_what_tfds_reads(toy, spec):
    examples = load_source(str(toy)).split(spec)
    builder = tfds.builder_from_directory(toy)
    config = tfds.ReadConfig(interleave_cycle_length=1)
    theirs = list(builder.as_dataset(split=spec, read_config=config).as_numpy_iterator())
    assert examples.num_examples == len(theirs)
    for index, want in enumerate(theirs):
        assert examples.labels[index] == want["label"]
        np.testing.assert_array_equal(decoded(examples, index), want["image"])
        assert want["image"][0, 0, 2] == examples.ids[index]  # The blue channel is the row.


def test_tfds_source_by_every_name(toy):
    names = [
        load_source(toy.parent),
        load_source(str(toy)),
        load_source("tfds:toy", data_dir=toy.parents[1]),
        load_source("tfds:toy:1.0.0", data_dir=toy.parents[1]),
    ]
    for source in names:
        assert source.class_names == ["a", "b", "c"] and source.counts == {"train": 7}
        assert load_source(source) is source


def test_tfds_bad_records_are_skipped(tmp_path):
    root = write_tfds(tmp_path / "toy" / "1.0.0", [0, 1, 2, 0], payloads={2: b"no image"})
    with pytest.raises(
        ValueError, match=r"1 of 4 images .*toy-train\.tfrecord-00001-of-00002 at by"
    ):
        load_source(root).split("train")
    examples = load_source(root, allow_bad=0.25).split("train")
    np.testing.assert_array_equal(examples.ids, [0, 1, 3])
    assert decoded(examples, 2)[0, 0, 2] == 3


@pytest.mark.parametrize("label", [3, -1, 2**33])
def test_label_out_of_range(tmp_path, label):
    root = write_tfds(tmp_path / "toy" / "1.0.0", [0, 1, label, 1])
    with pytest.raises(
        ValueError, match=r"must lie in \[0, 3\).*Received: label=.* at example 2, 1"
    ):
        load_source(root).split("train")


def test_damaged_record_files(toy):
    shard = sorted(toy.glob("*.tfrecord-*"))[0]
    data = shard.read_bytes()
    shard.write_bytes(data[:-10])
    with pytest.raises(ValueError, match=r"whole TFRecord records.*whose record 3 at byte"):
        load_source(toy).split("train")
    shard.write_bytes(data[:12])  # Not even one record.
    with pytest.raises(ValueError, match="record 0 at byte 0 runs past"):
        load_source(toy).split("train")
    shard.write_bytes(data * 2)
    with pytest.raises(ValueError, match=r"Expected 4 records.*Received: 8 in"):
        load_source(toy).split("train")
    shard.unlink()
    with pytest.raises(FileNotFoundError, match="missing or remote"):
        load_source(toy).split("train")


def test_record_spans_are_the_payloads(tmp_path):
    payloads = [b"", b"x", b"some bytes" * 100]
    with tf.io.TFRecordWriter(str(tmp_path / "r")) as writer:
        for payload in payloads:
            writer.write(payload)
    data = (tmp_path / "r").read_bytes()
    spans = tfrecord_spans(tmp_path / "r")
    assert [data[offset : offset + length] for offset, length in spans] == payloads
    assert tfrecord_spans(os.devnull).shape == (0, 2)


def test_tfds_without_one_image_and_label(tmp_path):
    tensor = tfds.features.Tensor(shape=(), dtype=np.bytes_)
    root = write_tfds(tmp_path / "toy" / "1.0.0", [0, 1], image=tensor)
    with pytest.raises(ValueError, match=r"one image and one class label .*with images \[\]"):
        load_source(root)


def test_tfds_of_float_images(tmp_path):
    image = tfds.features.Image(shape=(None, None, 1), dtype=np.float32, encoding_format="png")
    root = write_tfds(tmp_path / "toy" / "1.0.0", [0, 1], image=image)
    with pytest.raises(ValueError, match=r"8 or 16 bits were expected. Received: dtype=float32"):
        load_source(root)


def test_download_that_fails_is_one_readable_error(tmp_path, monkeypatch):
    def offline(self, **kwargs):
        raise ConnectionError("Name or service not known\nand a page of traceback")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", offline)
    message = (
        r"'tfds:mnist' is not prepared in .*downloading it failed: ConnectionError: Name or "
        r"service not known\. Without a network, .*tfds\.load\('mnist'\).*data\.data_dir"
    )
    with pytest.raises(RuntimeError, match=message):
        load_source("tfds:mnist", data_dir=tmp_path)


# ---- names


@pytest.mark.parametrize(
    "name,error,message",
    [
        (
            "digit",
            ValueError,
            r"tfds:NAME.*folder:PATH.*Received: source='digit'\. Did you mean 'dig",
        ),
        ("folders:x", ValueError, r"Did you mean 'folder:'\?"),
        ("tfds:", ValueError, "A source must be digits"),
        ("", ValueError, "A source must be digits"),
        (None, ValueError, "A source must be digits"),
        ("folder:/no/such/place", FileNotFoundError, r"Received: folder='/no/such/place'"),
        ("/no/such/place", FileNotFoundError, r"Received: source='/no/such/place'"),
    ],
)
def test_unknown_names(name, error, message):
    with pytest.raises(error, match=message):
        load_source(name)


def test_unknown_tfds_name_names_the_nearest(toy):
    with pytest.raises(ValueError, match=r"source='tfds:toyy'\. Did you mean 'toy'\?"):
        load_source("tfds:toyy", data_dir=toy.parents[1])
    with pytest.raises(FileNotFoundError, match="data_dir='/no/such/place', which does not exist"):
        load_source("tfds:toy", data_dir="/no/such/place")


def test_folder_that_is_not_tfds_points_to_the_folder_scheme(tmp_path):
    with pytest.raises(ValueError, match=r"dataset_info\.json.*write 'folder:"):
        load_source(str(tmp_path))


@pytest.mark.parametrize("value", [-0.1, 1.5, True, "1%", None, float("nan")])
def test_bad_allow_bad(value):
    with pytest.raises(
        ValueError, match=r"data.allow_bad must be a fraction in \[0, 1\]. Received"
    ):
        load_source("digits", allow_bad=value)


# ---- real photographs


def test_real_photographs_are_those_that_tfds_reads(real_data):
    examples = load_source("tfds:grocery_store", data_dir=real_data).split("validation")
    theirs = tfds.load("grocery_store", split="validation", data_dir=real_data, as_supervised=True)
    assert examples.num_examples == 296 and not examples.skipped
    for index, (image, label) in enumerate(theirs.take(20).as_numpy_iterator()):
        assert examples.labels[index] == label
        np.testing.assert_array_equal(decoded(examples, index), image)
        np.testing.assert_array_equal(examples.sizes[index], image.shape[:2])
