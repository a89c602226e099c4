"""One page that tells how a run went: `report.html`, complete in itself."""

import html
import json
import os
from pathlib import Path
from string import Template

from keras_kd.export import findings, sections
from keras_kd.export.headline import headline
from keras_kd.export.pictures import read_predictions
from keras_kd.export.words import section
from keras_kd.run.workdir import existing_workdir
from keras_kd.training.log import logged
from keras_kd.utils.files import folder_bytes, read_json, write_atomically

HERE = Path(__file__).parent
RUN_FILES = ("config.json", "report.json", "metrics.jsonl")


def render(workdir):
    """Writes `report.html` from what a working directory holds, finished or not.

    The page needs nothing else: style, charts and pictures are inside. It reads `report.json`,
    `metrics.jsonl`, `config.json`, `predictions.npz` and, for the pictures, the data set; what is
    missing is left out or named.

    Args:
        workdir: the folder that keras-kd-train wrote.

    Returns:
        The path of the page, as a `Path`.

    Raises:
        ValueError: no such folder, not a run's folder, or damaged JSON in it.
        OSError: the disk is full; the previous page is untouched.
    """
    workdir = existing_workdir(workdir)
    if not any((workdir / name).exists() for name in RUN_FILES):
        raise ValueError(
            f"Expected the working directory of a run, with one of {', '.join(RUN_FILES)}. "
            f"Received: workdir={str(workdir)!r}, which has none. "
            "Give the folder that keras-kd-train wrote."
        )
    report = read_json(workdir / "report.json", {})
    config = read_json(workdir / "config.json", {})
    predictions = read_predictions(workdir)
    names = report.get("classes") or []
    parts = [
        sections.cards(report),
        sections.models(report, predictions, _student_bytes(workdir)),
        sections.exports(report),
        findings.learning(logged(workdir / "metrics.jsonl")),
        findings.disagreement(workdir, predictions, names),
        findings.classes(predictions, names),
        sections.data(report),
        sections.reproduce(report, config),
    ]
    name = str(report.get("name") or report.get("dataset") or _dataset(config) or "Unnamed run")
    page = Template((HERE / "template.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(f"{name}: distillation report"),
        css=(HERE / "report.css").read_text(encoding="utf-8"),
        name=html.escape(name),
        headline=html.escape(headline(report)),
        body="\n".join(part for part in parts if part),
        footer=html.escape(_footer(report)),
    )
    path = workdir / "report.html"
    write_atomically(path, lambda file: file.write(page.encode()))
    return path


def _student_bytes(workdir):
    path = workdir / "student.keras"
    return folder_bytes(path) if os.path.exists(path) else None


def _dataset(config):
    return section(config, "data").get("source")


def _footer(report):
    exports = [entry for entry in section(report, "exports").values() if isinstance(entry, dict)]
    threads = {entry.get("threads") for entry in exports} - {None}
    timed = ""
    if threads:
        many = "one thread" if threads == {1} else f"{json.dumps(sorted(threads))} threads"
        timed = f" Latency is the median time of one image with {many}, on the machine that ran it."
    return f"Made by keras-kd from the run's own files; the page needs no network.{timed}"
