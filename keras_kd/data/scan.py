"""One full decode of every file before training: sizes, labels, and what cannot be read.

A truncated JPEG decodes without complaint as long as the crop lies in its good part, and fails at
some random step days later. So every file is decoded whole once. The sizes found on the way let
the pipeline draw the crops of a whole batch at once without opening a file.
"""

import hashlib
import json
import os
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from keras_kd.data import rescue
from keras_kd.data.orientation import orientation_of
from keras_kd.utils import processors
from keras_kd.utils.archives import DAMAGE, read_archive

_CHUNK = 1024  # Files in flight: bounds memory by the results, never by the bytes.
_SHOWN = 5  # Bad files named in an error.
_FORMAT = 3  # Version of the index file.
# What is noted of each file; tuples of Python would take ten times the memory.
_ROW = np.dtype(
    [
        ("good", bool),
        ("labels", np.int64),
        ("sizes", np.int32, 2),
        ("spans", np.int64, 2),
        ("is_jpeg", bool),
        ("checksums", np.uint32),
        ("orientations", np.uint8),
        ("rescued", bool),
    ]
)


@dataclass
class Scan:
    """What one pass over the files of a split found.

    Attributes:
        kept: int64 `[N]`, positions of the readable files.
        labels: int32 `[N]`.
        sizes: int32 `[N, 2]`, height and width in pixels.
        spans: int64 `[N, 2]`, offset and length in bytes of the encoded image inside its file.
        is_jpeg: bool `[N]`.
        checksums: uint32 `[N]`, CRC-32 of the encoded image.
        orientations: uint8 `[N]`, of EXIF, in [1, 8].
        rescued: bool `[N]`, whether Pillow reads the image, see `keras_kd.data.rescue`.
        skipped: list of `(file, reason)`.
    """

    kept: np.ndarray
    labels: np.ndarray
    sizes: np.ndarray
    spans: np.ndarray
    is_jpeg: np.ndarray
    checksums: np.ndarray
    orientations: np.ndarray
    rescued: np.ndarray
    skipped: list = field(default_factory=list)


def decode_full(encoded):
    """Decodes a whole image to `((height, width), whether Pillow reads it)`.

    Raises:
        ValueError, OSError, tf.errors.OpError: what is wrong.
    """
    if not encoded:
        raise ValueError("the file is empty")
    other = None if rescue.is_plain(encoded) else _by_pillow(encoded)
    try:
        image = _by_tensorflow(encoded)
    except (ValueError, tf.errors.OpError):
        if other is None:
            raise
        image = None
    rescued = other is not None and (image is None or rescue.differ(image.numpy(), other))
    return (other if rescued else image).shape[:2], rescued


def _by_pillow(encoded):
    """What Pillow sees, or None: then it is TensorFlow that says what is wrong."""
    try:
        return rescue.pixels(encoded)
    except (OSError, ValueError):
        return None


def _by_tensorflow(encoded):
    # Decoding has no accelerator kernel; without this a GPU would be asked first.
    with tf.device("CPU:0"):
        image = tf.raw_ops.DecodeImage(contents=encoded, channels=3, expand_animations=False)
    height, width, _ = image.shape
    if not height or not width:
        raise ValueError(f"the image has no pixels, its shape is {tuple(image.shape)}")
    return image


def scan(read, describe, total, threads=None):
    """Reads and decodes examples 0 .. total - 1 in parallel.

    Args:
        read: function of a position -> `(encoded bytes, label, offset, length)`; it may raise.
        describe: function of a position -> the name of the file, for messages.
        total: number of examples.
        threads: number of threads; the number of usable processors by default.

    Returns:
        A `Scan`.
    """

    rows = np.zeros(total, _ROW)

    def look(position):
        """Fills the position's row, or tells what is wrong."""
        try:
            encoded, label, offset, length = read(position)
            size, rescued = decode_full(encoded)
        except (OSError, ValueError, tf.errors.OpError) as error:
            return describe(position), _reason(error)
        is_jpeg = encoded[:3] == b"\xff\xd8\xff" and not rescued
        span, checksum = (offset, length), zlib.crc32(encoded)
        seen = orientation_of(encoded), rescued
        rows[position] = True, label, size, span, is_jpeg, checksum, *seen
        return None

    skipped = []
    with ThreadPoolExecutor(threads or processors.usable()) as pool:
        for start in range(0, total, _CHUNK):
            looked = pool.map(look, range(start, min(start + _CHUNK, total)))
            skipped.extend(filter(None, looked))
    kept = np.flatnonzero(rows["good"])
    columns = {name: rows[name][kept] for name in _ROW.names if name != "good"}
    # Clipped, so that a label past 32 bits cannot wrap into the valid range.
    columns["labels"] = np.clip(columns["labels"], -(2**31), 2**31 - 1).astype(np.int32)
    return Scan(kept=kept, **columns, skipped=skipped)


def _reason(error):
    """The error's text without TensorFlow's graph decorations."""
    text = getattr(error, "message", None) or str(error)
    if "}} " in text:
        text = text.split("}} ", 1)[1]
    return text.split(" [Op:")[0].strip() or type(error).__name__


def check_scan(result, total, num_classes, allow_bad, what):
    """Stops on too many unreadable files, on none left, or on labels outside the classes.

    Args:
        result: a `Scan`.
        total: number of files looked at.
        num_classes: labels must lie in `[0, num_classes)`; None: they are not looked at.
        allow_bad: fraction of unreadable files, in [0, 1], that is still accepted.
        what: name of the source and split, for messages.

    Raises:
        ValueError: in each of the three cases, naming counts and the first files.
    """
    bad = len(result.skipped)
    first = "; ".join(f"{name}: {reason}" for name, reason in result.skipped[:_SHOWN])
    more = f"; and {bad - _SHOWN} more" if bad > _SHOWN else ""
    if bad > allow_bad * total:
        raise ValueError(
            f"{bad} of {total} images in {what} cannot be read ({bad / total:.1%}), more than the "
            f"allowed {allow_bad:.1%}. First ones: {first}{more}. Repair or remove these files, or "
            f"raise the limit. Received: data.allow_bad={allow_bad!r}"
        )
    if not len(result.kept):
        raise ValueError(
            f"No image in {what} can be read, out of {total}. First ones: {first}{more}"
        )
    if num_classes is None:
        return
    wrong = np.flatnonzero((result.labels < 0) | (result.labels >= num_classes))
    if wrong.size:
        raise ValueError(
            f"Labels in {what} must lie in [0, {num_classes}), the number of classes. "
            f"Received: label={int(result.labels[wrong[0]])} at example "
            f"{int(result.kept[wrong[0]])}, {wrong.size} such labels in all. Use a split with "
            "labels, or repair the class list."
        )


def fingerprint(parts, paths):
    """A key that changes when a file's name, size or modification time does."""
    digest = hashlib.sha256(json.dumps([_FORMAT, parts]).encode())
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:  # a link that leads nowhere: the scan tells
            status = os.lstat(path)
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def load_index(index_dir, key):
    """The `Scan` kept under `key`, or None where there is none that can be read."""
    try:
        arrays = read_archive(os.path.join(index_dir, f"scan-{key[:32]}.npz"))
        if str(arrays.pop("key")) != key:
            return None
        skipped = [tuple(pair) for pair in json.loads(str(arrays.pop("skipped")))]
        return Scan(**arrays, skipped=skipped)
    except (OSError, TypeError, *DAMAGE):
        return None  # Missing or damaged: scanning again is always right.


def save_index(index_dir, key, result):
    """Keeps a `Scan` under `key`, whole or not at all."""
    os.makedirs(index_dir, exist_ok=True)
    arrays = {name: value for name, value in vars(result).items() if name != "skipped"}
    handle, temporary = tempfile.mkstemp(dir=index_dir, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, key=key, skipped=json.dumps(result.skipped), **arrays)
        os.replace(temporary, os.path.join(index_dir, f"scan-{key[:32]}.npz"))
    except BaseException:
        os.unlink(temporary)
        raise
