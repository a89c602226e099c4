"""What a run keeps in its working directory for the pages that tell of it, read and checked."""

import dataclasses
from pathlib import Path

from keras_kd.export.facts import section
from keras_kd.export.pictures import read_predictions
from keras_kd.run.workdir import existing_workdir
from keras_kd.training.log import logged
from keras_kd.utils.files import read_json

RUN_FILES = ("config.json", "report.json", "metrics.jsonl")


@dataclasses.dataclass(frozen=True)
class KeptRun:
    """A run, finished or not.

    Attributes:
        path: its working directory, a `Path`.
        report: what `report.json` holds, or {}.
        config: what `config.json` holds, or {}.
        records: dicts from `metrics.jsonl`, oldest first.
        predictions: see `keras_kd.export.pictures.read_predictions`.
    """

    path: Path
    report: dict
    config: dict
    records: list
    predictions: dict | None


def read_run(workdir):
    """The `KeptRun` of a working directory.

    Args:
        workdir: the folder that keras-kd-train wrote.

    Raises:
        ValueError: no such folder, not a run's folder, or damaged JSON in it.
    """
    workdir = existing_workdir(workdir)
    if not any((workdir / name).exists() for name in RUN_FILES):
        raise ValueError(
            f"Expected the working directory of a run, with one of {', '.join(RUN_FILES)}. "
            f"Received: workdir={str(workdir)!r}, which has none. "
            "Give the folder that keras-kd-train wrote."
        )
    return KeptRun(
        workdir,
        _fitting(_read(workdir / "report.json")),
        _read(workdir / "config.json"),
        logged(workdir / "metrics.jsonl"),
        read_predictions(workdir),
    )


def _read(path):
    """The JSON object in a file, {} where there is none."""
    found = read_json(path, {})
    if not isinstance(found, dict):
        raise ValueError(
            f"{path} must hold a JSON object, as keras-kd-train writes it. Received: a "
            f"{type(found).__name__}. Delete it or mend it."
        )
    return found


def _fitting(report):
    """The report without what is of another kind than a run writes: another program's, or mended.

    Sections are dicts, or `keras_kd.export.facts.section` takes them for empty.
    """
    stages, classes = section(report, "stages"), report.get("classes")
    data = {**section(report, "data")}
    for key, kind in (("images", str), ("skipped", (list, str))):
        found = data.get(key)
        if found is not None:
            data[key] = (
                [one for one in found if isinstance(one, kind)] if isinstance(found, list) else []
            )
    return {
        **report,
        "stages": {name: facts for name, facts in stages.items() if isinstance(facts, dict)},
        "classes": classes if isinstance(classes, list) else [],
        "data": data,
    }
