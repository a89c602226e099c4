"""The working directory of one run: its config, results, logs and products."""

import json
from pathlib import Path

import ml_collections

from keras_kd.config.chain import stages_of, teaching
from keras_kd.config.keys import completed, differences
from keras_kd.utils.files import read_json, write_json

# May differ from start to start: where the targets come from does not change what they are, and
# which files are exported in the end does not change what is trained.
CHANGEABLE = ("teacher_cache", "fixed_targets", "export")
# What a prolongation changes in the section of its stage, see `keras_kd.training.pieces`.
PROLONGED = ("total", "prolong")


class Workdir:
    """A directory that belongs to one config, but for the lengths of stages that are prolonged.

    Attributes:
        path: `pathlib.Path` of the directory.
        writes: whether this process writes files.
        earlier: the config, a dict, that the directory belongs to since an earlier start that
            trained something; None for a new one.

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
        self.earlier = None
        self._settings = settings = json.loads(config.to_json_best_effort())
        # Nothing may learn from the outcome of a stage that is made longer.
        taught_from = teaching(config)
        self._prolongable = [s.path for s in stages_of(config) if s.name not in taught_from]
        known = self.path / "config.json"
        if self.path.is_file():
            raise ValueError(f"--workdir must be a directory. Received: workdir={path}, a file.")
        # A run that was refused before it trained anything leaves nothing that could be mixed up.
        if known.exists() and self._began():
            self.earlier = _read_config(known)
            there = {**self.earlier, **{key: settings[key] for key in CHANGEABLE}}
            _refuse_other(self.path, self._tolerant(there), settings)
        elif writes:
            write_json(known, settings)

    def __truediv__(self, name):
        return self.path / name

    def checkpoints(self, stage, keep=2):
        """The `Checkpoints` of a stage, of which the newest `keep` are kept, and the best."""
        from keras_kd.training.checkpoints import Checkpoints  # here, since it needs TensorFlow

        return Checkpoints(self.path / "checkpoints" / stage, keep)

    def result(self, stage):
        """What a finished stage measured, or None while it is not finished."""
        path = self.path / "checkpoints" / stage / "result.json"
        return read_json(path) if path.exists() else None

    def finish(self, stage, result):
        """Marks a stage as finished with what it measured."""
        write_json(self.path / "checkpoints" / stage / "result.json", result)

    def prolong(self, stages):
        """Makes the directory that of a config whose stages are longer, as `accept` found right.

        Args:
            stages: names of the stages that are not finished any more; empty: nothing changes.
        """
        if not self.writes or not stages:
            return
        # In this order: whoever is stopped in between finds the shorter run, and finishes it.
        for stage in stages:
            (self.path / "checkpoints" / stage / "result.json").unlink(missing_ok=True)
        write_json(self.path / "config.json", self._settings)

    @property
    def report(self):
        """What `report.json` holds, or None while the run, or its longer form, is not finished."""
        path = self.path / "report.json"
        if not path.exists() or self._asks_more():
            return None
        report = read_json(path)
        for stage, told in report.get("stages", {}).items():
            there = (self.path / "checkpoints" / stage).exists()  # may be deleted to save space
            if there and not _is_within(self.result(stage), told):
                return None
        return report

    def _began(self):
        """Whether a run has trained something here, even if its checkpoints were deleted since."""
        files = (self.path / "checkpoints").glob("*/[!.]*")
        trained = any(path.name != "lengths.json" for path in files)
        return trained or (self.path / "report.json").exists()

    def settings_before(self, path):
        """The section of an earlier start's config at a dotted path, a dict; None for a new run."""
        return None if self.earlier is None else _at(self.earlier, path)

    def _asks_more(self):
        """Whether this start's config has a prolongation that the directory's has not."""
        return self.earlier is not None and any(
            _at(self._settings, path).get(key) != _at(self.earlier, path).get(key)
            for path in self._prolongable
            for key in PROLONGED
        )

    def _tolerant(self, there):
        """`there` without what a prolongation may change: whether it is one shows with the data."""
        there = json.loads(json.dumps(there))
        for path in self._prolongable:
            here = _at(self._settings, path)
            if here.get("prolong") and _at(there, path):
                _at(there, path).update({key: here[key] for key in PROLONGED})
        return there


def _is_within(result, told):
    """Whether a report tells of a stage what the stage measured."""
    if result is None or told is None:
        return result == told
    return json.dumps(result) == json.dumps({key: told.get(key) for key in result})


def _at(settings, path):
    """The section at a dotted path of nested dicts; an empty dict where there is none."""
    for part in path.split("."):
        settings = settings.get(part, {})
    return settings


def existing_workdir(path):
    """A working directory as a `Path`.

    Raises:
        ValueError: no such folder.
    """
    if not path or not Path(path).is_dir():
        raise ValueError(
            "Expected the working directory of a training run. "
            f"Received: workdir={str(path or '')!r}, which is not a folder. "
            "Give the folder that keras-kd-train wrote, with --workdir=DIR."
        )
    return Path(path)


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
    return ml_collections.ConfigDict(_read_config(known))


def _read_config(path):
    return completed(read_json(path))


def _refuse_other(path, there, here):
    differing = differences(there, here)
    if differing:
        raise ValueError(
            f"The workdir {path} belongs to another config. Differences: "
            f"{'; '.join(differing)}. Choose another --workdir, or go back to its config."
        )
