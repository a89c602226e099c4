"""Checkpoints: learners, method variables, optimizers and step in one file; never the teacher.

A checkpoint is a NumPy archive of variables by name, written to a temporary name, flushed, and
renamed, so that a name that exists is a file that is whole. It holds a SHA-256 of its contents. The
newest ones are kept and, beside them, the best and those of chosen steps; one that does not read
back is passed over for the one before, with a warning. A run goes on from the newest: the others
have other readers.
"""

import contextlib
import errno
import hashlib
import json
import re
import shutil
import warnings
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import tensorflow as tf

from keras_kd.utils.archives import DAMAGE, read_archive
from keras_kd.utils.files import write_atomically

META = "meta.json"
DIGEST = "sha256"
RUNNING = "running"  # the metrics' variables, by number
BFLOAT16 = "bfloat16"


class Snapshot:
    """The values of all that a stage needs to go on, copied to the host at one step.

    Args:
        step: training steps done.
        variables: dict of name to Keras variable, as `KDModel.state` gives it.
        running: list of Keras variables whose replicas differ: the metrics of an interval that
            has not ended; each replica's value is kept.
        meta: JSON-able dict kept with them.
    """

    def __init__(self, step, variables, running=(), meta=None):
        self.step = step
        self.arrays = {name: _array(v.value) for name, v in variables.items()}
        for index, variable in enumerate(running):
            parts = [_array(part) for part in _replicas(variable)]
            self.arrays[f"{RUNNING}/{index}"] = np.stack(parts)
        self.described = {
            "step": step,
            "bfloat16": [name for name, v in variables.items() if str(v.dtype) == BFLOAT16],
            "running": [[list(v.shape), str(v.dtype)] for v in running],
            "meta": meta or {},
        }

    def all_finite(self):
        """Whether no weight is NaN or infinite."""
        return all(
            bool(np.isfinite(value).all())
            for value in self.arrays.values()
            if value.dtype.kind not in "iub"
        )


def all_finite(variables, running=()):
    """As `Snapshot.all_finite`, looked at where the values lie, without a copy to the host.

    Args:
        variables: dict of name to Keras variable.
        running: list of Keras variables whose replicas differ.

    Returns:
        bool. Every variable is read in any case: all workers may have to read it together.
    """
    values = [tf.convert_to_tensor(v.value) for v in variables.values()]
    values += [tf.convert_to_tensor(part) for v in running for part in _replicas(v)]
    finite = [tf.reduce_all(tf.math.is_finite(x)) for x in values if x.dtype.is_floating]
    return all(bool(each) for each in finite)


class Checkpoints:
    """The checkpoints of one training stage.

    Args:
        folder: where the files `step_00000100.npz` and `best.npz` lie, and in `kept` those of
            chosen steps, which are never deleted.
        keep: how many of the newest to keep, at least 1; the best is kept beside them.
    """

    def __init__(self, folder, keep=2):
        self.folder = Path(folder)
        self.keep = keep
        self.restored = None  # the file that `restore` used

    def steps(self):
        """The steps for which a file exists, oldest first."""
        names = (re.fullmatch(r"step_(\d+)\.npz", path.name) for path in self.folder.glob("*.npz"))
        return sorted(int(match[1]) for match in names if match)

    def path(self, step):
        """The file of a step."""
        return self.folder / f"step_{step:08d}.npz"

    @property
    def best(self):
        """The file of the step with the best validation accuracy."""
        return self.folder / "best.npz"

    @property
    def kept(self):
        """The `Checkpoints` of chosen steps, which are never deleted."""
        return Checkpoints(self.folder / "kept")

    def files(self):
        """The files that there are by step, a dict; of equal ones the one that stays longest."""
        found = {}
        with contextlib.suppress(OSError, *DAMAGE):
            meta = read_archive(self.best, [META])[META]
            found[json.loads(meta.tobytes())["step"]] = self.best
        for saved in (self, self.kept):
            found |= {step: saved.path(step) for step in saved.steps()}
        return dict(sorted(found.items()))

    def save(self, snapshot):
        """Writes a snapshot and deletes what is too old.

        Args:
            snapshot: a `Snapshot`.

        Raises:
            OSError: the disk is full or not writable; older checkpoints are untouched.
        """
        # NumPy archives know no bfloat16: its bits travel as integers.
        arrays = {
            key: value.view(np.uint16) if value.dtype == ml_dtypes.bfloat16 else value
            for key, value in snapshot.arrays.items()
        }
        arrays[META] = np.frombuffer(json.dumps(snapshot.described).encode(), np.uint8)
        arrays[DIGEST] = _digest(arrays)
        write_atomically(self.path(snapshot.step), lambda file: np.savez(file, **arrays))
        # Newer ones were damaged, or this step would not be made again: they must not crowd it out.
        newer = [step for step in self.steps() if step > snapshot.step]
        older = [step for step in self.steps() if step <= snapshot.step]
        for step in [*older[: -self.keep], *newer]:
            self.path(step).unlink(missing_ok=True)

    def keep_best(self, step):
        """Copies the file of a step to `best.npz`."""
        _copy(self.path(step), self.best)

    def keep_for_good(self, step):
        """Copies the file of a step to where nothing is deleted."""
        _copy(self.path(step), self.kept.path(step))

    def restore(self, variables, running=()):
        """Puts the newest whole checkpoint into the variables.

        Args:
            variables: dict of name to Keras variable, of the same names as when it was saved.
            running: the metrics' variables, as when it was saved.

        Returns:
            (step, meta), or (0, {}) where there is no checkpoint.

        Raises:
            ValueError: the checkpoint is of other variables, or of a version that did not name
                them, or all are damaged.
            OSError, MemoryError: the newest could not be read; it may be whole, so that going on
                from an older one would throw it away.
        """
        files = [saved.path(step) for saved in (self, self.kept) for step in saved.steps()[::-1]]
        files += [self.best] if self.best.exists() else []
        for path in files:
            try:
                described, arrays = _read(path)
            except DAMAGE as error:
                warnings.warn(
                    f"The checkpoint {path} is damaged ({error}); using the one before.",
                    stacklevel=2,
                )
                continue
            _compare(arrays, variables, path)
            _assign(variables, arrays)
            _assign_running(running, described["running"], arrays)
            self.restored = path
            return described["step"], described["meta"]
        if files:
            raise ValueError(
                f"Every checkpoint in {self.folder} is damaged. Delete this folder, and the same "
                "command trains this stage from its start."
            )
        return 0, {}


def read_weights(path, variables):
    """Puts a checkpoint's weights into the variables of networks and methods, and nothing else.

    Args:
        path: a file that `Checkpoints.save` wrote.
        variables: dict of name to Keras variable, of a `KDModel` like the one that was saved; the
            optimizers' may be missing.

    Raises:
        ValueError: the file is damaged or of another model.
        OSError: it could not be read.
    """
    try:
        _, arrays = _read(path)
    except DAMAGE as error:
        raise ValueError(
            f"The checkpoint {path} is damaged ({error}). Leave out its step."
        ) from error
    weights = {name: array for name, array in arrays.items() if not name.startswith("optimizer/")}
    _compare(weights, variables, path)
    _assign(variables, weights)


def _copy(path, copy):
    with open(path, "rb") as source:
        write_atomically(copy, lambda file: shutil.copyfileobj(source, file))


def _replicas(variable):
    """A variable's parts, one a replica of this process."""
    return tf.distribute.get_strategy().experimental_local_results(variable.value)


def _array(value):
    return np.array(value.numpy())


def _assign(variables, arrays):
    for name, variable in variables.items():
        variable.assign(arrays[name])


def _assign_running(running, saved, arrays):
    # Metrics of another make are of no use: those of the interval start anew.
    if saved != [[list(v.shape), str(v.dtype)] for v in running]:
        return
    for index, variable in enumerate(running):
        assign_running(variable, arrays[f"{RUNNING}/{index}"])


def assign_running(variable, array):
    """Puts each replica's value back into a metric's variable.

    Args:
        variable: Keras variable.
        array: `[replicas, ...]`; with another number of replicas the first holds the sum.
    """
    parts = _replicas(variable)
    if len(parts) != len(array):
        array = np.concatenate([array.sum(0, keepdims=True), np.zeros_like(array[:1])])
        array = array[[0] + [1] * (len(parts) - 1)]
    for part, value in zip(parts, array):
        part.assign(value)


def _digest(arrays):
    """SHA-256 over names, types, shapes and values, as uint8 `[32]`."""
    digest = hashlib.sha256()
    for key in sorted(arrays):
        value = arrays[key]
        digest.update(f"{key} {value.dtype.str} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data)
    return np.frombuffer(digest.digest(), np.uint8)


def _read(path):
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()  # before a damaged shape asks for all memory
        if broken:
            raise ValueError(f"the CRC-32 of {broken} is not that of its contents")
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except OSError as error:
        if error.errno in (None, errno.EINVAL):  # a damaged directory points before the file
            raise ValueError(str(error)) from error
        raise OSError(
            error.errno,
            f"Could not read the checkpoint {path} ({error.strerror}), which may be whole. Mend "
            "that, then start the same command again",
        ) from error
    except MemoryError as error:
        raise MemoryError(f"Not enough memory to read the checkpoint {path}.") from error
    if not np.array_equal(arrays.pop(DIGEST), _digest(arrays)):
        raise ValueError("its SHA-256 is not that of its contents")
    described = json.loads(arrays.pop(META).tobytes())
    for name in described.get(BFLOAT16, ()):
        arrays[name] = arrays[name].view(ml_dtypes.bfloat16)
    return described, arrays


def _compare(arrays, variables, path):
    """Refuses a checkpoint whose names, shapes or types are not those of the variables."""
    if "00000" in arrays:
        raise ValueError(
            f"The checkpoint {path} is of an older keras-kd, which numbered its variables instead "
            "of naming them: end that run with the version that began it, or start anew in another "
            "--workdir."
        )
    there = {name for name in arrays if not name.startswith(f"{RUNNING}/")}
    kinds = {name: (tuple(v.shape), str(v.dtype)) for name, v in variables.items()}
    other = [
        f"{name} of shape {arrays[name].shape} and type {arrays[name].dtype} instead of {kind}"
        for name, kind in kinds.items()
        if name in there and (arrays[name].shape, arrays[name].dtype.name) != kind
    ]
    found = [
        f"{what} {_first(names)}"
        for what, names in (
            ("lacks", [name for name in kinds if name not in there]),
            ("holds besides", sorted(there - set(kinds))),
            ("has", other),
        )
        if names
    ]
    if found:
        raise ValueError(
            f"The checkpoint {path} is of another model: it {'; it '.join(found)}. "
            "Use another --workdir for another model."
        )


def _first(names, count=3):
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more
