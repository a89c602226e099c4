"""What every source gives the pipeline: labels, sizes, and any image by its position."""

import dataclasses
import os
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from keras_kd.data import orientation
from keras_kd.data import scan as scanning
from keras_kd.data.byte_ranges import ByteRanges
from keras_kd.data.jpeg import crop_jpeg
from keras_kd.data.orientation import UPRIGHT
from keras_kd.data.splits import resolve_split


@dataclass
class Examples:
    """The examples of one split, open to random access.

    Attributes:
        labels: int32 `[N]`, in `[0, num_classes)`; -1 where an image has none, or hides it.
        sizes: int32 `[N, 2]`, height and width in pixels, of upright images where `upright`.
        ids: int64 `[N]`, unchanged by sub-splits and by files skipped elsewhere.
        channels: channels of every decoded image.
        store: object whose `fetch(indices)` maps int `[B]` to string or uint8 tensors `[B, ...]`.
        is_jpeg: bool `[N]`, or None where images are held decoded.
        skipped: list of `(file, reason)` for what could not be read.
        checksums: uint32 `[N]`, CRC-32 of each encoded image; None where images are held decoded.
        orientations: uint8 `[N]`, of EXIF, in [1, 8]; None where images are held decoded.
        upright: whether images are turned as their EXIF orientation says; else an image is what its
            pixels are.
        paired: `Examples` as many, of the same scenes in the student's modality; None: there is
            one image of each.
    """

    labels: np.ndarray
    sizes: np.ndarray
    ids: np.ndarray
    channels: int
    store: object
    is_jpeg: np.ndarray | None = None
    skipped: list = field(default_factory=list)
    checksums: np.ndarray | None = None
    orientations: np.ndarray | None = None
    upright: bool = False
    paired: "Examples | None" = None

    @property
    def num_lying(self):
        """How many images lie on their side or are mirrored, as they are stored."""
        return 0 if self.orientations is None else int((self.orientations != UPRIGHT).sum())

    @property
    def num_rescued(self):
        """How many images Pillow reads, since TensorFlow decodes them wrong or not at all."""
        return int(np.sum(getattr(self.store, "rescued", 0)))

    @property
    def turned(self):
        """Whether there are images that are turned when they are decoded."""
        return self.upright and self.num_lying > 0

    @property
    def num_examples(self):
        return len(self.labels)

    def take(self, rows):
        """Some of the examples.

        Args:
            rows: int `[M]`, their positions.

        Returns:
            `Examples`.
        """
        columns = {name: getattr(self, name) for name in COLUMNS}
        taken = {name: value[rows] for name, value in columns.items() if value is not None}
        paired = self.paired and self.paired.take(rows)
        return dataclasses.replace(self, **taken, store=self.store.take(rows), paired=paired)

    def fetch(self, indices):
        """Graph-side access: int `[B]` -> encoded bytes, string `[B]` (uint8 images in memory)."""
        return self.store.fetch(indices)

    def turns(self, indices):
        """Graph-side access: int `[B]` -> int32 `[B, 5]` for `crop`; None where none is turned."""
        if not self.turned:
            return None
        return tf.gather(orientation.turns(self.sizes, self.orientations), indices)

    def crop(self, item, box, turn=None):
        """Decodes only what lies in a box of one fetched item.

        Args:
            item: one element of what `fetch` returned.
            box: int32 `[4]`: top, left, height, width in pixels.
            turn: the same element of what `turns` returned.

        Returns:
            uint8 `[height, width, channels]`.
        """
        if turn is not None:
            stored = self.crop(item, orientation.stored_box(box, turn))
            return tf.ensure_shape(orientation.turned(stored, turn), (None, None, self.channels))
        if self.is_jpeg is None:
            image = _slice(item, box)
        elif self.is_jpeg.all():
            image = self._crop_jpeg(item, box)
        else:
            image = tf.cond(
                tf.io.is_jpeg(item),
                lambda: self._crop_jpeg(item, box),
                lambda: _slice(
                    tf.io.decode_image(item, channels=self.channels, expand_animations=False), box
                ),
            )
        return tf.ensure_shape(image, (None, None, self.channels))

    def crops(self, rows, boxes):
        """Parts of some examples, upright where the data are, at full size.

        Args:
            rows: int `[M]`, positions of the examples.
            boxes: int `[M, 4]`: top, left, height, width in pixels.

        Returns:
            list of uint8 `[height, width, channels]`.
        """
        turns = self.turns(rows)
        turns = [None] * len(rows) if turns is None else turns
        return [self.crop(*one).numpy() for one in zip(self.fetch(rows), boxes, turns)]

    def _crop_jpeg(self, item, box):
        return crop_jpeg(item, box, self.channels)


# With a row an example.
COLUMNS = ("labels", "sizes", "ids", "is_jpeg", "checksums", "orientations")


def _slice(image, box):
    return tf.slice(image, [box[0], box[1], 0], [box[2], box[3], -1])


class ArrayStore:
    """Decoded images of one size, held in memory.

    Args:
        images: uint8 `[N, H, W, C]`.
    """

    def __init__(self, images):
        self.images = np.asarray(images, np.uint8)

    def take(self, rows):
        """Some of the images: an `ArrayStore` of rows int `[M]`."""
        return ArrayStore(self.images[rows])

    def join(self, other):
        """These images, and after them those of another `ArrayStore`, of the same size."""
        return ArrayStore(np.concatenate([self.images, other.images]))

    def fetch(self, indices):
        return tf.gather(tf.constant(self.images), indices)


class Source:
    """A named collection of labelled images with splits.

    Sub-classes give `_examples`; the rest is common.

    Args:
        name: as given to `load_source`.
        class_names: list of str, in the order of the labels.
        channels: 1 for grey images, else 3.
        counts: dict of split name -> number of files, readable or not.
        allow_bad: fraction of unreadable files that is accepted, in [0, 1].
        index_dir: folder that keeps the scans, or None.

    Attributes:
        exif: "apply" turns images as their EXIF orientation says, "ignore" leaves them as they are
            stored; to be set before a split is asked for.
        labelled: whether labels must be those of the classes; else nobody looks at them.
    """

    exif = "ignore"
    labelled = True
    told = ()  # what else a kept scan depends on, JSON values

    def __init__(self, name, class_names, channels, counts, allow_bad=0.01, index_dir=None):
        self.name = name
        self.class_names = list(class_names)
        self.channels = channels
        self.counts = dict(counts)
        self.allow_bad = allow_bad
        self.index_dir = None if index_dir is None else os.fspath(index_dir)
        self._cache = {}
        if not self.class_names:
            raise ValueError(
                f"A source needs at least one class. Received: source={name!r}, with none"
            )

    @property
    def num_classes(self):
        return len(self.class_names)

    def split(self, name):
        """The examples of a split, scanned once and then remembered.

        Args:
            name: `train`, `test`, `train[:90%]`, `train[10%:20%]`, `train+validation`, ...

        Returns:
            `Examples`.

        Raises:
            ValueError: if the split is unknown or empty, if more than `allow_bad` of its files
                cannot be read, or if a label is not one of the classes.
        """
        if name not in self._cache:
            parts = resolve_split(name, self.counts)
            self._cache[name] = self._examples(parts, f"{self.name}, split {name!r}")
        return self._cache[name]

    def _examples(self, parts, what):
        raise NotImplementedError

    def keys(self, ids):
        """What examples are called wherever they lie, a list: of files their path, without ending.

        Args:
            ids: int64 `[N]`, of examples.
        """
        return [int(one) for one in ids]

    def _id_offsets(self):
        """First id of each split, so that ids are unique over the whole source."""
        names = sorted(self.counts)
        starts = np.cumsum([0] + [self.counts[name] for name in names])
        return dict(zip(names, starts.tolist()))

    def _scanned_records(self, records, ids, parse, parts, what):
        """As `_scanned`, of records that `parse` takes apart into encoded image and label."""

        def describe(position):
            file = os.path.basename(records.paths[records.file_index[position]])
            return f"{file} at byte {records.spans[position, 0]}"

        def read(position):
            record = records.read(position)
            encoded, label = parse(record)
            # A protobuf keeps the bytes in one piece: from here on they are read without it.
            offset = records.spans[position, 0] + record.index(encoded)
            return encoded, label, int(offset), len(encoded)

        return self._scanned(records, ids, read, describe, parts, what)

    def _scanned(self, ranges, ids, read, describe, parts, what):
        """`Examples` over byte ranges after a scan, or after reading the scan of an earlier run."""
        total = len(ranges)
        key = result = None
        if self.index_dir is not None:
            paths = map(ranges.paths.__getitem__, ranges.used())
            key = scanning.fingerprint([self.class_names, parts, *self.told], paths)
            result = scanning.load_index(self.index_dir, key)
        if result is None:
            result = scanning.scan(read, describe, total)
            if key is not None:
                scanning.save_index(self.index_dir, key, result)
        classes = self.num_classes if self.labelled else None
        scanning.check_scan(result, total, classes, self.allow_bad, what)
        upright = self.exif == "apply"
        sizes, orientations = result.sizes, result.orientations
        rescued = result.rescued
        return Examples(
            labels=result.labels,
            sizes=orientation.upright_sizes(sizes, orientations) if upright else sizes,
            ids=np.asarray(ids, np.int64)[result.kept],
            channels=self.channels,
            store=ByteRanges(ranges.paths, ranges.file_index[result.kept], result.spans, rescued),
            is_jpeg=result.is_jpeg,
            skipped=result.skipped,
            checksums=result.checksums,
            orientations=orientations,
            upright=upright,
        )
