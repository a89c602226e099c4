"""Files of fixed targets: written whole or not at all, and refused where they do not fit."""

import json

import numpy as np

from keras_kd.teachers.cache.fingerprint import differences
from keras_kd.utils.archives import read_archive
from keras_kd.utils.files import write_atomically

VERSION = 1
NAMES = ("targets", "ids", "probe")
PARTIAL_NAMES = (*NAMES, "sum", "seen")
ADVICE = "Delete the file, and it is computed again, or give another config.fixed_targets."


def write(path, fingerprint, arrays, batch_size=None):
    """Writes a file of targets.

    Args:
        path: the `.npz` file.
        fingerprint: flat dict of what the targets depend on.
        arrays: dict of arrays.
        batch_size: of the computation, where it has not come to its end.

    Raises:
        OSError: the disk is full or not writable; what was there before is kept.
    """
    meta = {"fixed_targets": VERSION, "fingerprint": fingerprint, "batch_size": batch_size}
    meta = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    write_atomically(path, lambda file: np.savez(file, **arrays, meta=meta))


def read(path, fingerprint, batch_size=None):
    """Reads a file of targets, if they are those that are wanted.

    Args:
        path: the `.npz` file.
        fingerprint: dict of all or some of the fields that count.
        batch_size: of the computation that is to go on; None for one that has ended.

    Returns:
        dict of arrays; None for a computation with another batch size, which cannot go on.

    Raises:
        ValueError: damaged, another kind of file, or targets of something else; the differences
            are named with both values.
    """
    names = NAMES if batch_size is None else PARTIAL_NAMES
    try:
        arrays = read_archive(path, [*names, "meta"])
        meta = json.loads(arrays.pop("meta").tobytes())
        version, there = meta["fixed_targets"], dict(meta["fingerprint"])
        if arrays["ids"].ndim != 1 or arrays["targets"].ndim != 2 or arrays["probe"].ndim != 2:
            raise ValueError("its arrays have other shapes")
    except Exception as error:  # whatever a damaged archive provokes
        raise ValueError(
            f"{path} is damaged, or no file of fixed targets: {error}. {ADVICE}"
        ) from error
    if version != VERSION:
        raise ValueError(
            f"{path} is of format version {version}, and this toolkit reads version {VERSION}. "
            f"{ADVICE}"
        )
    here = json.loads(json.dumps(fingerprint))  # tuples as JSON knows them
    found = differences({name: there.get(name) for name in here}, here)
    if found:
        raise ValueError(
            f"The fixed targets in {path} are of another run. Differences: {'; '.join(found)}. "
            f"{ADVICE}"
        )
    if batch_size is None and meta["batch_size"] is not None:
        raise ValueError(f"{path} is of a computation that did not come to its end. {ADVICE}")
    return arrays if meta["batch_size"] == batch_size else None
