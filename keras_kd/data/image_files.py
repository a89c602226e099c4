"""Images that lie in files of their own below one folder."""

import os

import numpy as np

from keras_kd.data.byte_ranges import ByteRanges
from keras_kd.data.examples import Source
from keras_kd.data.paths import Paths

SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".jpe", ".jif", ".pjpeg", ".pjp"),
    *(".png", ".apng", ".bmp", ".dib", ".gif", ".webp"),
)
# Images that TensorFlow cannot decode: counted as skipped, never passed over in silence.
_UNREADABLE = (".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2")


def is_image(name):
    """Whether a file's name is that of an image, readable or not; hidden files are none."""
    return name.lower().endswith(SUFFIXES + _UNREADABLE) and not name.startswith(".")


def is_there(path):
    """Whether a path is a file, or a link that leads nowhere, which a scan counts as unreadable."""
    return os.path.isfile(path) or (os.path.islink(path) and not os.path.exists(path))


def subfolders(path):
    """Names of the folders right below one, sorted, without hidden ones."""
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))


def images_in(path):
    """Names of the image files right below a folder, sorted; links that lead nowhere too."""
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if is_image(e.name) and is_there(e.path))


def existing_folder(path):
    """A path with `~` put in full.

    Raises:
        FileNotFoundError: no such folder.
    """
    path = os.path.expanduser(os.fspath(path))
    if not os.path.isdir(path):
        raise FileNotFoundError(
            f"A folder of images was expected. Received: folder={path!r}, which does not exist or "
            "is no folder. Check the path."
        )
    return path


class ImageFiles(Source):
    """Image files and their labels.

    Args:
        name: as given to `load_source`.
        path: the folder.
        class_names: list of str, in the order of the labels.
        files: dict of split -> list of (path below the folder, label), in their order.
        allow_bad: fraction of unreadable files that is accepted, in [0, 1].
        index_dir: folder that keeps the scans, or None.
    """

    def __init__(self, name, path, class_names, files, allow_bad=0.01, index_dir=None):
        ordered = [entry for split in sorted(files) for entry in files[split]]
        # Of all splits in a row, as ids count them.
        self._files = Paths(path, (file for file, _ in ordered))
        self._labels = np.array([label for _, label in ordered], np.int32)
        counts = {split: len(entries) for split, entries in files.items()}
        super().__init__(name, class_names, 3, counts, allow_bad, index_dir)

    def keys(self, ids):
        return [os.path.splitext(self._files.name(one))[0] for one in ids]

    def _examples(self, parts, what):
        offsets = self._id_offsets()
        ids = np.concatenate([offsets[name] + np.arange(lo, hi) for name, lo, hi in parts])
        ranges = ByteRanges(self._files, ids, np.zeros((len(ids), 2)))

        def read(position):
            path = self._files[ids[position]]
            if path.lower().endswith(_UNREADABLE):
                raise ValueError(f"the format is not one of {', '.join(SUFFIXES)}")
            if os.path.islink(path) and not os.path.exists(path):
                raise ValueError(f"the link leads nowhere, to {os.readlink(path)}")
            with open(path, "rb") as opened:
                data = opened.read()
            return data, self._labels[ids[position]], 0, len(data)

        def describe(position):
            return self._files.name(ids[position])

        return self._scanned(ranges, ids, read, describe, parts, what)
