"""Checkpoints: student, method variables, optimizer and step in one file; never the teacher.

A checkpoint is a NumPy archive written to a temporary name, flushed, and renamed, so that a name
that exists is a file that is whole. The newest ones are kept; one that does not read back (its
zip checksums fail) is passed over for the one before, with a warning.
"""

import json
import os
import re
import warnings
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np

META = "meta.json"


def write_atomically(path, write):
    """Calls `write(file)` on a temporary file beside `path`, then renames it into place.

    Args:
        path: the file to make or replace.
        write: function that gets a file opened for binary writing.

    Raises:
        OSError: the disk is full or not writable; what stood at `path` before is untouched.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")  # a killed run's remains are overwritten
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(
            error.errno,
            f"Could not write {path} ({error.strerror}); what was there before is kept. Free "
            "some space or choose another --workdir, then start the same command again",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path, value):
    """Writes `value` as readable JSON, atomically."""
    text = json.dumps(value, indent=2, sort_keys=False) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))


class Checkpoints:
    """The checkpoints of one training stage.

    Args:
        folder: where the files `step_00000100.npz` lie.
        keep: how many of the newest to keep, at least 1.
    """

    def __init__(self, folder, keep=2):
        self.folder = Path(folder)
        self.keep = keep

    def steps(self):
        """The steps for which a file exists, oldest first."""
        names = (re.fullmatch(r"step_(\d+)\.npz", path.name) for path in self.folder.glob("*.npz"))
        return sorted(int(match[1]) for match in names if match)

    def path(self, step):
        """The file of a step."""
        return self.folder / f"step_{step:08d}.npz"

    def save(self, step, variables, meta=None):
        """Writes the variables' values and deletes what is too old.

        Args:
            step: training steps done.
            variables: list of Keras variables.
            meta: JSON-able dict kept with them.
        """
        arrays = {f"{i:05d}": np.asarray(v.numpy()) for i, v in enumerate(variables)}
        described = {
            "step": step,
            "variables": [[v.path, list(v.shape), str(v.dtype)] for v in variables],
            "meta": meta or {},
        }
        # NumPy archives know no bfloat16: its bits travel as integers.
        arrays = {
            key: value.view(np.uint16) if value.dtype == ml_dtypes.bfloat16 else value
            for key, value in arrays.items()
        }
        arrays[META] = np.frombuffer(json.dumps(described).encode(), np.uint8)
        write_atomically(self.path(step), lambda file: np.savez(file, **arrays))
        for old in self.steps()[: -self.keep]:
            self.path(old).unlink()

    def restore(self, variables):
        """Puts the newest whole checkpoint into the variables.

        Args:
            variables: list of Keras variables, the same as when it was saved.

        Returns:
            (step, meta), or (0, {}) where there is no checkpoint.

        Raises:
            ValueError: the checkpoint is of other variables.
        """
        for step in reversed(self.steps()):
            try:
                described, arrays = _read(self.path(step))
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                warnings.warn(
                    f"The checkpoint {self.path(step)} is damaged ({error}); using the one before.",
                    stacklevel=2,
                )
                continue
            _compare(described["variables"], variables, self.path(step))
            for variable, array in zip(variables, arrays):
                if str(variable.dtype) == "bfloat16":
                    array = array.view(ml_dtypes.bfloat16)
                variable.assign(array)
            return step, described["meta"]
        return 0, {}


def _read(path):
    with np.load(path, allow_pickle=False) as archive:
        described = json.loads(archive[META].tobytes())
        return described, [archive[f"{i:05d}"] for i in range(len(described["variables"]))]


def _compare(saved, variables, path):
    here = [[list(v.shape), str(v.dtype)] for v in variables]
    there = [[shape, dtype] for _, shape, dtype in saved]
    if here != there:
        differing = next((i for i, (a, b) in enumerate(zip(here, there)) if a != b), None)
        what = (
            f"{len(there)} variables instead of {len(here)}"
            if differing is None
            else f"{saved[differing]} instead of {here[differing]}"
        )
        raise ValueError(
            f"The checkpoint {path} is of another model: it holds {what}. "
            "Use another --workdir for another model."
        )
