"""Random images in place of a data set: its names, classes and counts, and none of its files."""

import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_kd.data.examples import ArrayStore, Examples, Source
from keras_kd.data.sources import load_source

# What is known of data sets that need not be there: classes, and images a split, as TFDS has them.
KNOWN = {
    "cifar10": (10, {"train": 50_000, "test": 10_000}),
    "cifar10_jpeg": (10, {"train": 50_000, "test": 10_000}),
    "cifar100": (100, {"train": 50_000, "test": 10_000}),
    "flowers12": (12, {"train": 720, "test": 240}),
    "food101": (101, {"train": 75_750, "validation": 25_250}),
    "grocery_store": (81, {"train": 2_640, "validation": 296, "test": 2_485}),
    "imagenet2012": (1_000, {"train": 1_281_167, "validation": 50_000, "test": 100_000}),
    "oxford_flowers102": (102, {"train": 1_020, "validation": 1_020, "test": 6_149}),
    "oxford_iiit_pet": (37, {"train": 3_680, "test": 3_669}),
    "sun397": (397, {"train": 76_128, "validation": 10_875, "test": 21_750}),
}
POOL = 64  # different images; they come again and again


class FakeSource(Source):
    """A source whose examples are random pixels; classes, counts, splits and ids are as given.

    Args:
        name: name of the source that it stands for.
        class_names: list of str, in the order of the labels.
        channels: 1 for grey images, else 3.
        counts: dict of split name -> number of examples.
        side: side of the square images in pixels.
    """

    def __init__(self, name, class_names, channels, counts, side):
        super().__init__(name, class_names, channels, counts)
        self.side = side
        shape = (POOL, side, side, channels)
        self._pool = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    def _examples(self, parts, what):
        offsets = self._id_offsets()
        ids = np.concatenate([offsets[name] + np.arange(lo, hi) for name, lo, hi in parts])
        return Examples(
            labels=(np.arange(len(ids)) % self.num_classes).astype(np.int32),
            sizes=np.full((len(ids), 2), self._pool.shape[1], np.int32),
            ids=ids.astype(np.int64),
            channels=self.channels,
            store=_Pool(self._pool),
        )


class _Pool(ArrayStore):
    """Few images under many indices."""

    def take(self, rows):
        return self

    def join(self, other):
        return self

    def fetch(self, indices):
        return super().fetch(tf.math.floormod(indices, len(self.images)))


def fake_source(name, data_dir=None, side=64, load=load_source):
    """The `FakeSource` that stands for a data set; no image is read and nothing is downloaded.

    Args:
        name: name of a source, see `load_source`.
        data_dir: folder that holds prepared TFDS data sets, or None.
        side: side of the images in pixels.
        load: what opens the real one, `load_source` or `load_unlabelled`.

    Raises:
        ValueError: a TFDS data set that is neither prepared nor in `KNOWN`; and as `load_source`.
        FileNotFoundError: a folder or file that is not there.
    """
    scheme, _, rest = name.partition(":")
    if scheme != "tfds":
        real = load(name)
    elif folder := _prepared(rest, data_dir):
        real = load_source(str(folder))
    else:
        classes, counts = _known(name, rest, data_dir)
        return FakeSource(name, [str(number) for number in range(classes)], 3, counts, side)
    return FakeSource(name, real.class_names, real.channels, real.counts, side)


def _prepared(name, data_dir):
    """The folder of a prepared TFDS data set, of its first config if none is named, or None."""
    root = data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    folder = Path(root).expanduser() / name.split(":")[0]
    for pattern in ("*/dataset_info.json", "*/*/dataset_info.json"):
        for found in sorted(folder.glob(pattern)):
            return found.parents[1]  # above the version, of which the newest is taken
    return None


def _known(name, rest, data_dir):
    key = rest.split(":")[0].split("/")[0]
    if key not in KNOWN:
        where = data_dir or "the default folder of TFDS"
        raise ValueError(
            "the sizes of a data set that is not here must be known. Received: "
            f"source={name!r}, which is not prepared in {where}. "
            f"Known without their files: {', '.join(KNOWN)}. Prepare it, or name its folder."
        )
    return KNOWN[key]
