"""The working directory of one run: its config, results, logs and products."""

import json
from pathlib import Path

import ml_collections

from keras_kd.checkpoint import Checkpoints
from keras_kd.files import write_json

# May differ from start to start: where the targets come from does not change what they are.
CHANGEABLE = ("teacher_cache", "fixed_targets")


class Workdir:
    """A directory that belongs to one config.

    Args:
        path: the directory; made if missing.
        config: the run's ConfigDict.
        writes: False on a worker that leaves all files to the chief.

    Raises:
        ValueError: the directory belongs to another config; the differences are named.
        OSError: the directory cannot be written.
    """

    def __init__(self, path, config, writes=True):
        self.path = Path(path)
        self.writes = writes
        settings = json.loads(config.to_json_best_effort())
        known = self.path / "config.json"
        if self.path.is_file():
            raise ValueError(f"--workdir must be a directory. Received: workdir={path}, a file.")
        # A run that was refused before it trained anything leaves nothing that could be mixed up.
        if known.exists() and (self.path / "checkpoints").exists():
            there = {**_read_json(known), **{key: settings[key] for key in CHANGEABLE}}
            _refuse_other(self.path, there, settings)
        elif writes:
            write_json(known, settings)

    def __truediv__(self, name):
        return self.path / name

    def checkpoints(self, stage, keep=2):
        """The `Checkpoints` of a stage, of which the newest `keep` are kept, and the best."""
        return Checkpoints(self.path / "checkpoints" / stage, keep)

    def result(self, stage):
        """What a finished stage measured, or None while it is not finished."""
        path = self.path / "checkpoints" / stage / "result.json"
        return _read_json(path) if path.exists() else None

    def finish(self, stage, result):
        """Marks a stage as finished with what it measured."""
        write_json(self.path / "checkpoints" / stage / "result.json", result)

    @property
    def report(self):
        """What `report.json` holds, or None while the run is not finished."""
        path = self.path / "report.json"
        return _read_json(path) if path.exists() else None


def load_config(path):
    """The config that a working directory belongs to.

    Args:
        path: a working directory.

    Returns:
        an `ml_collections.ConfigDict`.

    Raises:
        ValueError: not a working directory.
    """
    known = Path(path) / "config.json"
    if not known.exists():
        raise ValueError(
            f"A working directory holds config.json. Received: workdir={path}. "
            "Give the directory that keras-kd-train was started with."
        )
    return ml_collections.ConfigDict(_read_json(known))


def _read_json(path):
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not valid JSON ({error}). Delete it or mend it.") from error


def _flat(settings, prefix=""):
    flat = {}
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _refuse_other(path, there, here):
    there, here = _flat(there), _flat(here)
    missing = "(not set)"
    differing = [
        f"{key}: {there.get(key, missing)!r} there, {here.get(key, missing)!r} here"
        for key in sorted(there.keys() | here.keys())
        if there.get(key, missing) != here.get(key, missing)
    ]
    if differing:
        raise ValueError(
            f"The workdir {path} belongs to another config. Differences: "
            f"{'; '.join(differing)}. Choose another --workdir, or go back to its config."
        )
