"""A folder of images, one sub-folder a class: `folder:PATH`."""

import hashlib
import os

from keras_kd.data.image_files import (
    SUFFIXES,
    ImageFiles,
    existing_folder,
    images_in,
    subfolders,
)

# Names of folders that are splits, in any case of letters, and the splits that they are.
_SPLITS = {
    "train": "train",
    "test": "test",
    **dict.fromkeys(("validation", "val", "valid"), "validation"),
}
TEST_FRACTION = 0.2
_LAYOUT = "Expected PATH/CLASS/*.jpg, or PATH/SPLIT/CLASS/*.jpg with train, test or validation."


def _split_named(name):
    """The split that a folder's name means, or None."""
    return _SPLITS.get(name.lower())


class Folder(ImageFiles):
    """Images in `PATH/SPLIT/CLASS/` or `PATH/CLASS/`.

    Files are read in the order of the SHA-256 of their path below PATH, a fixed shuffle, so that
    `train[:90%]` holds every class. Without split folders, the fifth of each class whose hashes
    come last (rounded, at least one image where the class has two) is the test split, the rest
    the training split: the same on every machine. Hidden files and files that are no images are
    passed over. Grey, palette, 16-bit, CMYK and transparent images become three channels of 8 bits
    (transparency is dropped).

    Args:
        path: the folder.
        allow_bad: fraction of unreadable files that is accepted, in [0, 1].
        index_dir: folder that keeps the scans, or None.

    Raises:
        FileNotFoundError: if the folder does not exist.
        ValueError: if the layout cannot be understood or a class folder is empty.
    """

    def __init__(self, path, allow_bad=0.01, index_dir=None):
        self.path = existing_folder(path)
        listed = _list_splits(self.path)
        class_names = _class_names(listed)
        number = {name: label for label, name in enumerate(class_names)}
        files = {
            split: [(file, number[name]) for file, name in _shuffled(classes)]
            for split, classes in listed.items()
        }
        super().__init__(f"folder:{path}", self.path, class_names, files, allow_bad, index_dir)


def _shuffled(classes):
    """`(file, class name)` of a split's files, in the order of their hashes."""
    files = ((file, name) for name, files in classes.items() for file in files)
    return sorted(files, key=lambda entry: _hash(entry[0]))


def _list_splits(path):
    """{split: {class name: [file below path]}}."""
    folders = subfolders(path)
    if not folders:
        raise ValueError(f"No class folders found. {_LAYOUT} Received: folder={path!r}")
    # A class may be called "train": it is a split only if it holds folders, not files.
    named = [name for name in folders if _split_named(name)]
    splits = [name for name in named if subfolders(f"{path}/{name}")]
    empty = [name for name in named if name not in splits]
    if empty and (splits or folders == named):
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
    for split in splits:
        same = [one for one in splits if _split_named(one) == _split_named(split)]
        if len(same) > 1:
            raise ValueError(
                f"Keep one of {' and '.join(same)}. Received: folder={path!r}, with both"
            )
    return {
        _split_named(split): {
            name: _list_class(path, os.path.join(split, name))
            for name in subfolders(os.path.join(path, split))
        }
        for split in splits
    }


def _list_class(path, below):
    """The image files of one class folder, as paths below `path`."""
    folder = os.path.join(path, below)
    names = images_in(folder)
    inner = subfolders(folder)
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
