"""TFRecord files of tf.train.Example: right images and labels, splits, and bad input."""

import gzip
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_kd.data import build_dataset, load_source, tfrecord_source
from keras_kd.data.byte_ranges import ByteRanges


def jpeg(value):
    buffer = io.BytesIO()
    Image.fromarray(np.full((20, 24, 3), value, np.uint8)).save(buffer, "JPEG", quality=98)
    return buffer.getvalue()


def example(image=None, label=None, keys=("image/encoded", "image/class/label")):
    features = {}
    if image is not None:
        features[keys[0]] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[image]))
    if isinstance(label, float):
        features[keys[1]] = tf.train.Feature(float_list=tf.train.FloatList(value=[label]))
    elif label is not None:
        features[keys[1]] = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)


@pytest.fixture
def records(tmp_path):
    """24 training images in three files, 6 of validation; grey level 8 * index, label index % 4."""
    for shard in range(3):
        rows = range(shard * 8, shard * 8 + 8)
        write(tmp_path / f"train-{shard:05}-of-00003", [example(jpeg(8 * i), i % 4) for i in rows])
    rows = [example(jpeg(8 * i), i % 4, ("image", "label")) for i in range(6)]
    write(tmp_path / "my_val.tfrecord", rows)
    return tmp_path


def levels(x):
    return np.rint((x.mean((1, 2, 3)) + 1) * 127.5 / 8).astype(int)


def test_images_labels_and_splits(records):
    source = load_source(f"tfrecord:{records}/*")
    assert source.class_names == ["0", "1", "2", "3"]
    assert source.counts == {"train": 24, "validation": 6}
    data = build_dataset(source, "train", "same/ic", 12, 8, with_ids=True)
    rows = list(data.take(4).as_numpy_iterator())
    seen = np.concatenate([levels(x["image"]) for x, _ in rows])
    np.testing.assert_array_equal(np.concatenate([x["id"] for x, _ in rows]), seen)
    np.testing.assert_array_equal(np.concatenate([y for _, y in rows]), seen % 4)
    # A permutation of all files in each epoch, not a window's shuffle.
    np.testing.assert_array_equal(np.sort(seen.reshape(2, 24)), np.tile(np.arange(24), (2, 1)))
    assert len({row // 8 for row in seen[:12]}) == 3
    both = source.split("validation[2:4]+train[7:10]")
    np.testing.assert_array_equal(both.ids, [26, 27, 7, 8, 9])
    np.testing.assert_array_equal(both.labels, [2, 3, 3, 0, 1])


def test_a_far_start_reads_the_bytes_of_its_own_batch_only(records, monkeypatch):
    source = load_source(f"tfrecord:{records}/*")
    examples = source.split("train")
    read = []
    plain = ByteRanges.read
    monkeypatch.setattr(ByteRanges, "read", lambda self, p: read.append(p) or plain(self, p))
    data = build_dataset(source, "train", "mix", 6, 8, start_step=10**6, num_steps=1, with_ids=True)
    ids = next(data.as_numpy_iterator())[0]["id"]
    assert sorted(examples.ids[read]) == sorted(ids)


def test_names_from_a_file_and_an_index_that_saves_the_second_reading(records, monkeypatch):
    plain = load_source(f"tfrecord:{records}/*", index_dir=records / "index")
    plain.split("train")
    monkeypatch.setattr(ByteRanges, "read", None)  # Any further reading would fail.
    again = load_source(f"tfrecord:{records}/*", index_dir=records / "index")
    assert again.num_classes == 4
    np.testing.assert_array_equal(again.split("train").sizes, plain.split("train").sizes)
    (records / "labels.txt").write_text("ant\nbee\ncow\ndog\n")
    assert load_source(f"tfrecord:{records}/*").class_names == ["ant", "bee", "cow", "dog"]


@pytest.mark.parametrize(
    "record,message",
    [
        (example(jpeg(0)), r"no image/class/label or label among its keys \['image/encoded'\]"),
        (example(label=1), "no image/encoded or image among its keys"),
        (example(jpeg(0), 1.0), "image/class/label must be a whole number.* it is float_list"),
        (b"\xff\xff", "not a tf.train.Example"),
        (example(b"\xff\xd8\xff", 1), "train-x.* at byte"),
    ],
    ids=["no label", "no image", "float label", "no example", "no jpeg"],
)
def test_bad_records_are_counted_and_named(records, record, message):
    write(records / "train-x", [record])
    source = load_source(f"tfrecord:{records}/*")
    with pytest.raises(ValueError, match=rf"1 of 25 images .* cannot be read.*{message}"):
        source.split("train")
    allowed = load_source(f"tfrecord:{records}/*", allow_bad=0.05).split("train")
    assert allowed.num_examples == 24 and len(allowed.skipped) == 1


def test_labels_outside_the_classes(records):
    (records / "labels.txt").write_text("ant\nbee\ncow\n")
    with pytest.raises(ValueError, match=r"must lie in \[0, 3\).* Received: label=3 "):
        load_source(f"tfrecord:{records}/*").split("train")
    write(records / "train-x", [example(jpeg(0), -1)])
    (records / "labels.txt").unlink()
    with pytest.raises(ValueError, match=r"must lie in \[0, 4\).* Received: label=-1 "):
        load_source(f"tfrecord:{records}/*").split("train")


def test_labels_that_count_no_classes(tmp_path):
    write(tmp_path / "train", [example(jpeg(0), 10**12), example(jpeg(0), 0)])
    with pytest.raises(ValueError, match=r"with label 1000000000000 among 2 records.*labels\.txt"):
        load_source(f"tfrecord:{tmp_path}/train")


def test_labels_from_one_make_no_class_of_their_own(tmp_path):
    """Case r14: without names a class too many would have been invented."""
    write(tmp_path / "train", [example(jpeg(0), 1 + i % 3) for i in range(6)])
    with pytest.raises(
        ValueError, match=r"labels from 1 to 3\. Number.*from label 0 on, in a labels"
    ):
        load_source(f"tfrecord:{tmp_path}/train*")
    (tmp_path / "labels.txt").write_text("nothing\nant\nbee\ncow\n")
    assert load_source(f"tfrecord:{tmp_path}/train*").num_classes == 4
    (tmp_path / "labels.txt").unlink()
    write(tmp_path / "train", [example(jpeg(0), i % 3) for i in range(6)])
    assert load_source(f"tfrecord:{tmp_path}/train*").num_classes == 3


def test_a_blank_line_moves_no_label(records):
    (records / "labels.txt").write_text("ant\n\n cow \ndog\n\n \n")
    assert load_source(f"tfrecord:{records}/*").class_names == ["ant", "", "cow", "dog"]


def test_label_files_of_several_folders_agree(tmp_path):
    for folder, names in (("a", "ant\nbee\n"), ("b", "ant\nbee"), ("c", "bee\nant\n")):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "train", [example(jpeg(0), 0)])
        (tmp_path / folder / "labels.txt").write_text(names)
    assert load_source(f"tfrecord:{tmp_path}/[ab]/train").class_names == ["ant", "bee"]
    with pytest.raises(ValueError, match=r"same classes.*a/labels\.txt and .*c/labels\.txt"):
        load_source(f"tfrecord:{tmp_path}/*/train")


def test_the_highest_label_is_found_in_any_chunk(records, monkeypatch):
    monkeypatch.setattr(tfrecord_source, "_CHUNK", 5)  # 24 records: the last chunk is short
    plain, asked = ThreadPoolExecutor.submit, []
    monkeypatch.setattr(
        ThreadPoolExecutor, "submit", lambda *a, **k: asked.append(a) or plain(*a, **k)
    )
    assert load_source(f"tfrecord:{records}/*").num_classes == 4
    assert len(asked) == 5 + 2, "a task a chunk, of 24 and of 6 records"


def test_no_labels_at_all(tmp_path):
    write(tmp_path / "train", [example(jpeg(0))])
    with pytest.raises(ValueError, match="Labels of at least 0 were expected under image/class/la"):
        load_source(f"tfrecord:{tmp_path}/train")


def test_truncated_compressed_or_empty_files(records):
    whole = (records / "train-00001-of-00003").read_bytes()
    (records / "train-00001-of-00003").write_bytes(whole[:-7])
    with pytest.raises(ValueError, match=r"Received: path=.*train-00001-of-00003, whose record 7"):
        load_source(f"tfrecord:{records}/*")
    (records / "train-00001-of-00003").write_bytes(gzip.compress(whole))
    with pytest.raises(ValueError, match=r"Uncompressed TFRecord files .* which is compressed"):
        load_source(f"tfrecord:{records}/*")
    (records / "train-00001-of-00003").write_bytes(b"")
    assert load_source(f"tfrecord:{records}/*").counts["train"] == 16
    with pytest.raises(ValueError, match="all files empty"):
        load_source(f"tfrecord:{records}/train-00001*")


def test_names_that_match_nothing_tell_no_split_or_are_remote(records):
    with pytest.raises(FileNotFoundError, match="matches no file"):
        load_source(f"tfrecord:{records}/nothing*")
    with pytest.raises(ValueError, match=r"local disk were expected.*gs://bucket/train"):
        load_source("tfrecord:gs://bucket/train*")
    write(records / "part-1", [example(jpeg(0), 0)])
    with pytest.raises(ValueError, match=r"must tell its split.*part-1"):
        load_source(f"tfrecord:{records}/*")
    (records / "part-1").rename(records / "train_to_test")
    with pytest.raises(ValueError, match=r"must tell its split.*train_to_test"):
        load_source(f"tfrecord:{records}/*")
