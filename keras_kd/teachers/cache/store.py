"""The teacher cache: a teacher's logits for every position of every training step, on disk.

A batch is a pure function of (seed, step), so the teacher's answer to it is too: computed once, it
serves any number of students, schedules and restarts. A cache is a folder:

    cache.json           what the targets depend on (the fingerprint) and how they are stored
    shard_00000012.npz   `[S, B, ...]`, the targets of steps 12 * S to 13 * S - 1
    shard_00000013.claim a writer is at work on this shard

Shards are written under another name and renamed, so that a shard that is there is whole. The zip
checksum of every array is compared when it is read, and a shard says which cache it belongs to; one
that fails either counts as not there.
"""

import errno
import hashlib
import json
import os
import re
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from keras_kd.teachers.cache.codec import Codec
from keras_kd.teachers.cache.fingerprint import differences
from keras_kd.utils.archives import read_archive
from keras_kd.utils.files import write_atomically

VERSION = 2
SHARD_BYTES = 32e6  # a shard is what is lost when a writer is killed, and what a reader holds
MOST_STEPS = 64
ADVICE = "Free some space or give another --cache; the same command goes on with what is missing"


@dataclass(frozen=True)
class Layout:
    """How a cache stores its targets.

    Attributes:
        batch_size: B, examples a step, of the global batch.
        num_classes: K.
        dtype: `float16` or `float32`.
        top_k: classes kept, 0 for all.
        steps_per_shard: S.
    """

    batch_size: int
    num_classes: int
    dtype: str = "float16"
    top_k: int = 0
    steps_per_shard: int = 0

    def __post_init__(self):
        if self.steps_per_shard < 0:
            raise ValueError(
                "steps_per_shard must be at least 1, or 0 to choose it by size. "
                f"Received: steps_per_shard={self.steps_per_shard}."
            )
        if self.steps_per_shard == 0:
            # A function of the layout alone: writers that start at once agree.
            steps = SHARD_BYTES // (self.batch_size * self.codec.bytes_per_image)
            object.__setattr__(self, "steps_per_shard", int(min(max(steps, 1), MOST_STEPS)))

    @property
    def codec(self):
        return Codec(self.num_classes, self.dtype, self.top_k)

    @property
    def shard_bytes(self):
        """Bytes of a shard's arrays."""
        return self.steps_per_shard * self.batch_size * self.codec.bytes_per_image


class TeacherCache:
    """A cache folder, open for reading, or for writing where it was made by `create`.

    Args:
        path: the folder.

    Raises:
        ValueError: no cache, half a cache, or one of another version.
    """

    def __init__(self, path):
        self.path = Path(path)
        described = _read_description(self.path)
        self.fingerprint = described["fingerprint"]
        self.notes = described["notes"]
        try:
            self.layout = Layout(**described["layout"])
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.path / 'cache.json'} is damaged: {error}") from error
        self._digest = _digest(described)

    @classmethod
    def create(cls, path, fingerprint, layout, notes=None):
        """Opens a folder for writing: makes the cache, or goes on with the one that is there.

        Args:
            path: the folder; made if missing.
            fingerprint: dict, see `keras_kd.teachers.cache.fingerprint`.
            layout: `Layout`.
            notes: JSON-able dict of what is told but not compared.

        Returns:
            a `TeacherCache`.

        Raises:
            ValueError: the folder holds another cache; the differences are named.
            OSError: the folder cannot be written.
        """
        path = Path(path)
        cls.check_folder(path, fingerprint, layout)
        if not (path / "cache.json").exists():
            described = {
                "version": VERSION,
                "layout": asdict(layout),
                "fingerprint": fingerprint,
                "notes": notes or {},
            }
            text = json.dumps(described, indent=2) + "\n"
            save = lambda file: file.write(text.encode())  # noqa: E731
            write_atomically(path / "cache.json", save, replace=False, advice=ADVICE)
        # Of two first writers the first one counts: the other reads what it wrote.
        cls.check_folder(path, fingerprint, layout)
        return cls(path)

    @classmethod
    def check_folder(cls, path, fingerprint, layout):
        """Refuses a folder in which `create` could not go on.

        Args:
            path: the folder; may be missing.
            fingerprint: dict of all or some of the fields that count.
            layout: `Layout`.

        Raises:
            ValueError: the folder holds another cache, or half of one.
        """
        path, advice = Path(path), "Give another --cache, or go back to its settings."
        if not (path / "cache.json").exists():
            if path.is_dir() and any(path.glob("shard_*.npz")):
                raise ValueError(_half_written(path))
            return
        cache = cls(path)
        cache.check(fingerprint, advice)
        found = differences(asdict(cache.layout), asdict(layout))
        if found:
            raise ValueError(
                f"The teacher cache {path} is stored in another way: {'; '.join(found)}. {advice}"
            )

    def check(self, fingerprint, advice=""):
        """Refuses a cache of another teacher, other data, views or seed.

        Args:
            fingerprint: dict of all or some of the fields that count.
            advice: what to do, for the error.

        Raises:
            ValueError: names each differing field with both values.
        """
        here = json.loads(json.dumps(fingerprint))  # tuples as JSON knows them
        there = {name: self.fingerprint.get(name) for name in here}
        found = differences(there, here)
        if found:
            raise ValueError(
                f"The teacher cache {self.path} is of another run. Differences: "
                f"{'; '.join(found)}. {advice}"
            )

    def shard_path(self, shard):
        """The file of a shard."""
        return self.path / f"shard_{shard:08d}.npz"

    def shards(self):
        """Set of the shards whose file exists, whole or damaged."""
        names = (re.fullmatch(r"shard_(\d{8,})\.npz", name) for name in os.listdir(self.path))
        return {int(match[1]) for match in names if match}

    def read(self, shard):
        """The arrays of a shard by name, each `[S, B, ...]`.

        Raises:
            ValueError: the shard is damaged, of another cache, or gone; says which and how.
            OSError, MemoryError: it could not be read now; it may be whole.
        """
        path = self.shard_path(shard)
        layout = self.layout
        expected = layout.codec.shapes(layout.steps_per_shard, layout.batch_size)
        try:
            arrays = read_archive(path, [*expected, "meta"])
            if json.loads(arrays.pop("meta").tobytes()) != {"cache": self._digest, "shard": shard}:
                raise ValueError("they belong to another cache or place")
            if {name: (a.dtype, a.shape) for name, a in arrays.items()} != expected:
                raise ValueError("its arrays have other shapes or types than cache.json says")
        except MemoryError as error:
            raise MemoryError(f"Not enough memory to read the cached targets in {path}.") from error
        except OSError as error:
            # A damaged directory points before the file.
            if error.errno in (None, errno.EINVAL, errno.ENOENT):
                raise ValueError(f"The cached targets in {path} are damaged: {error}") from error
            raise OSError(
                error.errno,
                f"Could not read the cached targets in {path} ({error.strerror}), which may be "
                "whole. If that does not pass, mend it, and start the same command again",
            ) from error
        except Exception as error:  # whatever a damaged archive provokes
            raise ValueError(f"The cached targets in {path} are damaged: {error}") from error
        return arrays

    def read_whole(self, shard):
        """As `read`, but warns of a damaged shard and gives None; what may be whole raises."""
        try:
            return self.read(shard)
        except ValueError as error:
            warnings.warn(f"{error}. It counts as not there.", stacklevel=2)
            return None

    def is_whole(self, shard):
        """Whether a shard is there and reads back; warns of one that does not."""
        return self.shard_path(shard).exists() and self.read_whole(shard) is not None

    def write(self, shard, logits):
        """Writes a shard, whole or not at all.

        Args:
            shard: its number.
            logits: iterable of float32 `[B, K]`, one for each of its steps. Each is made small
                before the next is asked for.

        Raises:
            ValueError: logits that are not finite: the teacher is broken.
            OSError: the disk is full or not writable.
        """
        steps = []
        for index, batch in enumerate(logits):
            if not np.isfinite(batch).all():
                step = shard * self.layout.steps_per_shard + index
                raise ValueError(
                    f"The teacher's logits of step {step} are not finite. Its weights may be "
                    "damaged, or its input_range wrong."
                )
            steps.append(self.layout.codec.encode(batch))
        meta = json.dumps({"cache": self._digest, "shard": shard}).encode()
        arrays = {name: np.stack([step[name] for step in steps]) for name in steps[0]}
        arrays["meta"] = np.frombuffer(meta, np.uint8)
        write = lambda file: np.savez(file, **arrays)  # noqa: E731
        write_atomically(self.shard_path(shard), write, advice=ADVICE)


def _read_description(path):
    known = path / "cache.json"
    if not path.is_dir() or not any(path.iterdir()):
        state = "which is not a folder" if path.exists() else "which is not there"
        state = "an empty folder" if path.is_dir() else state
        raise ValueError(
            f"A teacher cache is a folder that keras-kd-teach filled. Received: {path}, {state}. "
            "Run keras-kd-teach first, or leave config.teacher_cache empty."
        )
    if not known.exists():
        raise ValueError(_half_written(path))
    try:
        described = json.loads(known.read_text(encoding="utf-8"))
        if described["version"] != VERSION:
            raise ValueError(
                f"{known} is of format version {described['version']}, and this toolkit reads "
                f"version {VERSION}. Delete the folder and run keras-kd-teach again."
            )
        return {name: described[name] for name in ("version", "layout", "fingerprint", "notes")}
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{known} is damaged ({error}), so nothing says what the shards beside it are. "
            "Delete the folder and run keras-kd-teach again."
        ) from error


def _half_written(path):
    return (
        f"The folder {path} has no cache.json, so nothing says what is in it. If it is a teacher "
        "cache that was copied in part, copy it again; else delete it and run keras-kd-teach."
    )


def _digest(described):
    # Of what was read, not of the file's bytes, so that every reader finds the same.
    text = json.dumps({k: described[k] for k in ("version", "layout", "fingerprint")})
    return hashlib.sha256(text.encode()).hexdigest()
