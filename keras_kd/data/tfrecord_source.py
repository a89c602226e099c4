"""TFRecord files of `tf.train.Example`: `tfrecord:PATTERN`."""

import functools
import glob
import json
import math
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_kd.data import scan as scanning
from keras_kd.data.byte_ranges import ByteRanges, tfrecord_spans
from keras_kd.data.examples import Source
from keras_kd.utils import processors
from keras_kd.utils.files import write_json

IMAGE_KEYS = ("image/encoded", "image")
LABEL_KEYS = ("image/class/label", "label")
LABELS_FILE = "labels.txt"
_CHUNK = 1024  # Records a task of the pool.
_SPLIT = re.compile(r"(?<![a-z])(train|test|validation|val)(?![a-z])")
# What a file begins with that is compressed as a whole: gzip, zlib at its usual levels.
_COMPRESSED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


class TFRecords(Source):
    """Local, uncompressed TFRecord files, read in place by byte range.

    Records are open to random access, so that an epoch is a true permutation of them, not a
    shuffling window. A record holds one encoded image (`image/encoded` or `image`) and one whole
    number (`image/class/label` or `label`). A file belongs to the split that its name tells, as in
    `train-00000-of-00010`. Class names are the lines of a `labels.txt` beside the files, the first
    being label 0; without it they are the numbers from 0 to the highest label, which takes one
    more reading of all records at the first start.

    Args:
        pattern: path with wildcards, such as `DIR/*.tfrecord` or `DIR/*-of-*`; with `#KEY` behind
            it images are those under another key.
        allow_bad: fraction of unreadable records that is accepted, in [0, 1].
        index_dir: folder that keeps the scans, or None.

    Raises:
        FileNotFoundError: if no file matches.
        ValueError: if the pattern is not local, a file is compressed, truncated or names no split,
            no class is known, or none has the label 0 where no file names them.
    """

    def __init__(self, pattern, allow_bad=0.01, index_dir=None):
        name = f"tfrecord:{pattern}"
        pattern, _, key = pattern.partition("#")
        self.told = (key,) if key else ()
        self._parse = functools.partial(parse, image_keys=(key,) if key else IMAGE_KEYS)
        self._files, self._spans = {}, {}
        for path in _matching(pattern, name):
            spans = _spans(path)
            if len(spans):
                self._files.setdefault(_split_of(path, name), []).append(path)
                self._spans[path] = spans
        if not self._files:
            raise ValueError(f"Records were expected. Received: source={name!r}, all files empty")
        if key:
            self._check_key(key, name)
        counts = {s: sum(len(self._spans[p]) for p in files) for s, files in self._files.items()}
        class_names = self._class_names(index_dir, name)
        super().__init__(name, class_names, 3, counts, allow_bad, index_dir)

    def _check_key(self, key, name):
        """Refuses a key that the first record has not, before all are read for their labels."""
        try:
            self._parse(self._ranges(next(iter(self._files))).read(0))
        except ValueError as error:
            raise ValueError(
                f"Records with an image under {key!r} were expected. Received: source={name!r}, "
                f"whose first record has {error}. Write the key of the images behind '#'."
            ) from error

    def _examples(self, parts, what):
        offsets = self._id_offsets()
        ids = np.concatenate([offsets[name] + np.arange(lo, hi) for name, lo, hi in parts])
        ranges = [self._ranges(name) for name in sorted(self.counts)]
        paths = [path for part in ranges for path in part.paths]
        firsts = np.cumsum([0] + [len(part.paths) for part in ranges])
        index = np.concatenate([part.file_index + f for part, f in zip(ranges, firsts)])
        # Ids count the records of all splits in a row, and so find them.
        spans = np.concatenate([part.spans for part in ranges])[ids]
        used, index = np.unique(index[ids], return_inverse=True)
        records = ByteRanges([paths[i] for i in used], index, spans)
        return self._scanned_records(records, ids, self._parse, parts, what)

    def keys(self, ids):
        files = [(path, span) for split in sorted(self.counts) for path in self._files[split]
                 for span in self._spans[path][:, 0]]  # fmt: skip
        return [f"{os.path.basename(path)} at byte {span}" for path, span in
                (files[one] for one in ids)]  # fmt: skip

    def _ranges(self, split):
        files = self._files[split]
        sizes = [len(self._spans[path]) for path in files]
        spans = np.concatenate([self._spans[path] for path in files])
        return ByteRanges(files, np.repeat(np.arange(len(files)), sizes), spans)

    def _class_names(self, index_dir, name):
        paths = sorted(self._spans)
        folders = sorted({os.path.dirname(path) for path in paths})
        listed = [os.path.join(f, LABELS_FILE) for f in folders]
        listed = [path for path in listed if os.path.isfile(path)]
        if listed:
            return _listed_names(listed)
        kept = None
        if index_dir is not None:
            key = scanning.fingerprint(["labels from 0 to the highest"], paths)
            kept = os.path.join(index_dir, f"classes-{key[:32]}.json")
            if os.path.isfile(kept):
                with open(kept, encoding="utf-8") as file:
                    return [str(label) for label in range(json.load(file))]
        extremes = [self._extremes(split) for split in self._files]
        lowest, count = min(low for low, _ in extremes), 1 + max(high for _, high in extremes)
        if count < 1:
            raise ValueError(
                f"Labels of at least 0 were expected under {' or '.join(LABEL_KEYS)}. Received: "
                f"source={name!r}, where no record has one. Check the keys of the records."
            )
        if lowest > 0:  # most often labels from 1, and a class too many
            raise ValueError(
                "Labels that count the classes from 0 were expected. Received: "
                f"source={name!r}, with labels from {lowest} to {count - 1}. Number the classes "
                f"anew, or name all of them, from label 0 on, in a {LABELS_FILE} beside the files."
            )
        records = sum(len(spans) for spans in self._spans.values())
        if count > records:
            raise ValueError(
                "Labels that count the classes from 0 were expected. Received: "
                f"source={name!r}, with label {count - 1} among {records} records. Number the "
                f"classes anew, or name them all in a {LABELS_FILE} beside the files."
            )
        if kept is not None:
            os.makedirs(index_dir, exist_ok=True)
            write_json(Path(kept), count)
        return [str(label) for label in range(count)]

    def _extremes(self, split):
        """(lowest from 0 on, highest) label; the scan counts records that cannot be read."""
        ranges = self._ranges(split)

        def label(position):
            try:
                return self._parse(ranges.read(position))[1]
            except ValueError:
                return -1

        def extremes(start):
            found = [label(position) for position in range(start, min(start + _CHUNK, len(ranges)))]
            return min((one for one in found if one >= 0), default=math.inf), max(found)

        with ThreadPoolExecutor(processors.usable()) as pool:
            lows, highs = zip(*pool.map(extremes, range(0, len(ranges), _CHUNK)))
        return min(lows), max(highs)


def _listed_names(paths):
    """The class names that all of some label files hold."""
    found = {path: Path(path).read_text(encoding="utf-8").rstrip() for path in paths}
    names = {path: [line.strip() for line in text.split("\n")] for path, text in found.items()}
    other = next((path for path in paths if names[path] != names[paths[0]]), None)
    if other:
        raise ValueError(
            f"All {LABELS_FILE} of a source must name the same classes. Received: {paths[0]} and "
            f"{other}, which differ. Narrow the pattern, or make them agree."
        )
    # A blank line between others keeps its number, so that no label is moved.
    return names[paths[0]] if found[paths[0]] else []


def parse(record, image_keys=IMAGE_KEYS):
    """A serialized `tf.train.Example` -> (encoded image, label).

    Args:
        record: bytes.
        image_keys: keys of the image, of which the first that is there counts.

    Raises:
        ValueError: if it is none, a key is missing, or a value has another type.
    """
    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception as error:  # Protobuf's own error class depends on its implementation.
        raise ValueError(f"not a tf.train.Example: {error}") from error
    image = _value(features, image_keys, "bytes_list", "encoded bytes")
    return image, _value(features, LABEL_KEYS, "int64_list", "a whole number (int64)")


def _value(features, keys, kind, wanted):
    key = next((key for key in keys if key in features), None)
    if key is None:
        raise ValueError(f"no {' or '.join(keys)} among its keys {sorted(features)[:10]}")
    stored = features[key].WhichOneof("kind")
    values = getattr(features[key], kind).value
    if stored != kind or len(values) != 1:
        count = len(getattr(features[key], stored).value) if stored else 0
        raise ValueError(f"{key} must be {wanted}, one a record; it is {stored}, {count} of it")
    return values[0]


def _matching(pattern, name):
    if "://" in pattern:
        raise ValueError(
            "TFRecord files on a local disk were expected: they are read by byte range. Received: "
            f"source={name!r}. Copy them to a local folder."
        )
    paths = sorted(p for p in glob.glob(os.path.expanduser(pattern)) if os.path.isfile(p))
    paths = [path for path in paths if os.path.basename(path) != LABELS_FILE]
    if not paths:
        raise FileNotFoundError(
            f"TFRecord files were expected. Received: source={name!r}, which matches no file. "
            "Check the path, and quote the pattern so that the shell leaves it alone."
        )
    return paths


def _split_of(path, name):
    found = set(_SPLIT.findall(os.path.basename(path).lower()))
    if len(found) != 1:
        raise ValueError(
            "A TFRecord file's name must tell its split, one of train, validation (val) and test, "
            f"as in train-00000-of-00010. Received: file={path!r} of source={name!r}. Rename it, "
            "or narrow the pattern."
        )
    split = found.pop()
    return "validation" if split == "val" else split


def _spans(path):
    try:
        return tfrecord_spans(path)
    except ValueError as error:
        with open(path, "rb") as file:
            head = file.read(2)
        if head in _COMPRESSED:
            raise ValueError(
                "Uncompressed TFRecord files were expected: records are read by byte range. "
                f"Received: path={path!r}, which is compressed. Write it again without "
                "compression; JPEG bytes hardly shrink by it."
            ) from error
        raise
