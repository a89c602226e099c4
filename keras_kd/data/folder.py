"""A folder of images, one sub-folder a class: `folder:PATH`."""

import hashlib
import os

import numpy as np

from keras_kd.data.byte_ranges import ByteRanges
from keras_kd.data.examples import Source
from keras_kd.data.paths import Paths

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
# Images that TensorFlow cannot decode: counted as skipped, never passed over in silence.
_UNREADABLE = (".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2")
_SPLITS = {"train": "train", "test": "test", "validation": "validation", "val": "validation"}
TEST_FRACTION = 0.2
_LAYOUT = "Expected PATH/CLASS/*.jpg, or PATH/SPLIT/CLASS/*.jpg with train, test or validation."


class Folder(Source):
    """Images in `PATH/SPLIT/CLASS/` or `PATH/CLASS/`.

    Files are read in the order of the SHA-256 of their path below PATH, a fixed shuffle, so that
    `train[:90%]` holds every class. Without split folders, the fifth of each class whose hashes
    come last (rounded, at least one image where the class has two) is the test split, the rest
    the training split: the same on every machine. Hidden files and files that are no images are
    passed over. Grey, palette, 16-bit, CMYK and transparent images become three channels of 8 bits
    (transparency is dropped). EXIF orientation is not applied.

    Args:
        path: the folder.
        allow_bad: fraction of unreadable files that is accepted, in [0, 1].
        index_dir: folder that keeps the scans, or None.

    Raises:
        FileNotFoundError: if the folder does not exist.
        ValueError: if the layout cannot be understood or a class folder is empty.
    """

    def __init__(self, path, allow_bad=0.01, index_dir=None):
        self.path = os.path.expanduser(os.fspath(path))
        if not os.path.isdir(self.path):
            raise FileNotFoundError(
                f"A folder of images was expected. Received: folder={self.path!r}, which does not "
                "exist or is no folder. Check the path."
            )
        listed = _list_splits(self.path)
        class_names = _class_names(listed)
        number = {name: label for label, name in enumerate(class_names)}
        ordered = [
            (file, number[name])
            for split in sorted(listed)
            for file, name in _shuffled(listed[split])
        ]
        # Of all splits in a row, as ids count them.
        self._files = Paths(self.path, (file for file, _ in ordered))
        self._labels = np.array([label for _, label in ordered], np.int32)
        counts = {split: sum(map(len, classes.values())) for split, classes in listed.items()}
        super().__init__(f"folder:{path}", class_names, 3, counts, allow_bad, index_dir)

    def _examples(self, parts, what):
        offsets = self._id_offsets()
        ids = np.concatenate([offsets[name] + np.arange(lo, hi) for name, lo, hi in parts])
        ranges = ByteRanges(self._files, ids, np.zeros((len(ids), 2)))

        def read(position):
            path = self._files[ids[position]]
            if path.lower().endswith(_UNREADABLE):
                raise ValueError(f"the format is not one of {', '.join(SUFFIXES)}")
            with open(path, "rb") as opened:
                data = opened.read()
            return data, self._labels[ids[position]], 0, len(data)

        def describe(position):
            return self._files.name(ids[position])

        return self._scanned(ranges, ids, read, describe, parts, what)


def _shuffled(classes):
    """`(file, class name)` of a split's files, in the order of their hashes."""
    files = ((file, name) for name, files in classes.items() for file in files)
    return sorted(files, key=lambda entry: _hash(entry[0]))


def _list_splits(path):
    """{split: {class name: [file below path]}}."""
    folders = _subfolders(path)
    if not folders:
        raise ValueError(f"No class folders found. {_LAYOUT} Received: folder={path!r}")
    # A class may be called "train": it is a split only if it holds folders, not files.
    splits = [name for name in folders if name in _SPLITS and _subfolders(f"{path}/{name}")]
    empty = [name for name in folders if name in _SPLITS and name not in splits]
    if empty and (splits or set(folders) <= set(_SPLITS)):
        raise ValueError(
            f"The split {empty[0]!r} has no class folders and so no images. {_LAYOUT} "
            f"Received: folder={os.path.join(path, empty[0])!r}"
        )
    if not splits:
        return _hash_split({name: _list_class(path, name) for name in folders})
    others = sorted(set(folders) - set(splits))
    if others:
        raise ValueError(
            f"The folder holds splits ({', '.join(splits)}) and others ({', '.join(others[:5])}) "
            f"side by side. {_LAYOUT} Received: folder={path!r}"
        )
    if "val" in splits and "validation" in splits:
        raise ValueError(f"Keep one of val and validation. Received: folder={path!r}, with both")
    return {
        _SPLITS[split]: {
            name: _list_class(path, os.path.join(split, name))
            for name in _subfolders(os.path.join(path, split))
        }
        for split in splits
    }


def _subfolders(path):
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))


def _list_class(path, below):
    """The image files of one class folder, as paths below `path`."""
    folder = os.path.join(path, below)
    with os.scandir(folder) as entries:
        names = sorted(
            e.name
            for e in entries
            if e.name.lower().endswith(SUFFIXES + _UNREADABLE)
            and not e.name.startswith(".")
            and e.is_file()
        )
    inner = _subfolders(folder)
    if inner or not names:
        problem = (
            f"holds folders of its own ({', '.join(inner[:3])})" if inner else "holds no images"
        )
        raise ValueError(
            f"The class folder {problem}. {_LAYOUT} Received: folder={folder!r}. "
            f"Put images ({', '.join(SUFFIXES)}) right into it, or remove it."
        )
    return [f"{below}/{name}".replace(os.sep, "/") for name in names]


def _class_names(listed):
    names = sorted({name for classes in listed.values() for name in classes})
    missing = sorted(set(names) - set(listed.get("train", names)))
    if missing:
        raise ValueError(
            "Every class must have training images. Received: classes that occur in another split "
            f"only: {', '.join(missing[:5])} ({len(missing)} in all). Add them to train, or remove "
            "their folders."
        )
    return names


def _hash(file):
    return hashlib.sha256(file.encode("utf-8", "surrogateescape")).digest()


def _hash_split(classes):
    """Divides each class by the hash of its files' paths."""
    result = {"train": {}, "test": {}}
    for name, files in classes.items():
        files = sorted(files, key=_hash)
        held_out = max(round(TEST_FRACTION * len(files)), 1) if len(files) > 1 else 0
        result["train"][name] = files[: len(files) - held_out]
        result["test"][name] = files[len(files) - held_out :]
    return result
