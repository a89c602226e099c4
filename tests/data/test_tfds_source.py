"""TFDS data sets against TFDS's own reading, and every kind of bad input."""

import io

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from image_files import decoded, picture
from PIL import Image

from keras_kd.data import load_source


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


def test_unknown_tfds_name_names_the_nearest(toy):
    with pytest.raises(ValueError, match=r"source='tfds:toyy'\. Did you mean 'toy'\?"):
        load_source("tfds:toyy", data_dir=toy.parents[1])
    with pytest.raises(FileNotFoundError, match="data_dir='/no/such/place', which does not exist"):
        load_source("tfds:toy", data_dir="/no/such/place")


def test_folder_that_is_not_tfds_points_to_the_folder_scheme(tmp_path):
    with pytest.raises(ValueError, match=r"dataset_info\.json.*write 'folder:"):
        load_source(str(tmp_path))


def test_real_photographs_are_those_that_tfds_reads(real_data):
    examples = load_source("tfds:grocery_store", data_dir=real_data).split("validation")
    theirs = tfds.load(
        "grocery_store",
        split="validation",
        data_dir=real_data,
        as_supervised=True,
        decoders={"image": tfds.decode.SkipDecoding()},
    )
    assert examples.num_examples == 296 and not examples.skipped
    for index, (file, label) in enumerate(theirs.take(20).as_numpy_iterator()):
        assert examples.labels[index] == label
        # TFDS decodes with TensorFlow's own choice of DCT, this project as every other decoder.
        image = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
        np.testing.assert_array_equal(decoded(examples, index), image)
        np.testing.assert_array_equal(examples.sizes[index], image.shape[:2])
