"""Byte ranges of files: the right bytes, or an error where a file has changed."""

import os

import pytest
import tensorflow as tf
from image_files import class_folder

from keras_kd.data import load_source
from keras_kd.data.byte_ranges import tfrecord_spans


def test_a_file_that_changes_after_the_scan_is_an_error(tmp_path):
    class_folder(tmp_path / "train", classes=("c",), count=1)
    examples = load_source(f"folder:{tmp_path}").split("train")
    (tmp_path / "train" / "c" / "000.png").write_bytes(b"short")
    with pytest.raises(OSError, match=r"Expected .* bytes.*changed since it was scanned"):
        examples.fetch(tf.constant([0]))
    data = tf.data.Dataset.from_tensors([0]).map(examples.fetch)
    with pytest.raises(tf.errors.OpError, match="changed since it was scanned"):
        next(iter(data))


def test_record_spans_are_the_payloads(tmp_path):
    payloads = [b"", b"x", b"some bytes" * 100]
    with tf.io.TFRecordWriter(str(tmp_path / "r")) as writer:
        for payload in payloads:
            writer.write(payload)
    data = (tmp_path / "r").read_bytes()
    spans = tfrecord_spans(tmp_path / "r")
    assert [data[offset : offset + length] for offset, length in spans] == payloads
    assert tfrecord_spans(os.devnull).shape == (0, 2)
