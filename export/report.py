"""One page that tells how a run went: `report.html`, complete in itself."""

from pathlib import Path

import jinja2
from markupsafe import Markup

from keras_kd.export import answers, comparison, findings, sections, seen
from keras_kd.export.facts import section, stages_of
from keras_kd.export.headline import headline
from keras_kd.export.kept_run import read_run
from keras_kd.utils import words
from keras_kd.utils.files import folder_bytes, write_atomically

TEMPLATES = Path(__file__).parent / "templates"


def render(workdir, path=None):
    """Writes a page from what a working directory holds, finished or not.

    The page needs nothing else: style, charts and pictures are inside. It reads `report.json`,
    `metrics.jsonl`, `config.json`, `predictions.npz` and, for the pictures, the data set; what is
    missing is left out or named.

    Args:
        workdir: the folder that keras-kd-train wrote.
        path: the page to write; None: `report.html` in that folder.

    Returns:
        The path of the page, as a `Path`.

    Raises:
        ValueError: no such folder, not a run's folder, or damaged JSON in it.
        OSError: the disk is full; the previous page is untouched.
    """
    run = read_run(workdir)
    report, config = run.report, run.config
    contents = contents_of(run)
    page = (
        environment()
        .get_template("page.html.j2")
        .render(
            name=_name(report, config),
            headline=headline(report),
            threads=_threads(report),
            sections=list(contents),
            **contents,
        )
    )
    path = Path(path or run.path / "report.html")
    write_atomically(path, lambda file: file.write(page.encode()))
    return path


def contents_of(run):
    """What each section shows, by the name of its template, in the order of the page.

    Args:
        run: a `keras_kd.export.kept_run.KeptRun`.
    """
    workdir, report, config = run.path, run.report, run.config
    records, predictions = run.records, run.predictions
    stages = stages_of(report, config, [record["stage"] for record in records])
    names = report.get("classes") or []
    student = workdir / "student.keras"
    return {
        "cards": sections.cards(report),
        "stages": comparison.stages(
            report, stages, predictions, folder_bytes(student) if student.exists() else None
        ),
        "exports": sections.exports(report),
        "latency": sections.latency(report),
        "explain": sections.explain(report),
        "resizing": sections.resizing(report),
        "learning": findings.learning(records, stages),
        "made": findings.made(workdir),
        "seen": seen.seen(workdir, config),
        "disagreement": findings.disagreement(workdir, predictions, names),
        "confusion": answers.confusion(predictions, names),
        "reliability": answers.reliability(predictions),
        "class_groups": sections.class_groups(report, stages),
        "classes": findings.classes(predictions, names),
        "data": sections.data(report),
        "reproduce": sections.reproduce(report, config),
    }


def environment():
    """The templates, with numbers as people read them; whatever they show is escaped."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["css"] = Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))
    for filter in (words.percent, words.count, words.size, words.milliseconds, words.duration):
        found.filters[filter.__name__] = filter
    return found


def _name(report, config):
    source = section(config, "data").get("source")
    return str(report.get("name") or report.get("dataset") or source or "Unnamed run")


def _threads(report):
    """How many threads the files were timed with, in words, or None."""
    exports = [entry for entry in section(report, "exports").values() if isinstance(entry, dict)]
    counts = sorted({entry.get("threads") for entry in exports} - {None})
    if not counts:
        return None
    return "one thread" if counts == [1] else f"{' or '.join(map(str, counts))} threads"
