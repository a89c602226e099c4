"""One page with several runs side by side, complete in itself: `comparison.html`."""

from pathlib import Path

from keras_kd.export import runs, runs_paired
from keras_kd.export.facts import COLOURS, STUDENT, TEACHER, other_colour
from keras_kd.export.kept_run import read_run
from keras_kd.export.report import environment
from keras_kd.utils import words
from keras_kd.utils.files import write_atomically

PAGE = "comparison.html"


def render_runs(workdirs, path=PAGE):
    """Writes a page that compares runs, finished or not; like the report it needs nothing else.

    Args:
        workdirs: folders that keras-kd-train wrote, at least two.
        path: the page to write, a file that ends in .html.

    Returns:
        The path of the page, as a `Path`.

    Raises:
        ValueError: too few folders, one given twice, one that is not a run's, or damaged JSON.
        OSError: the page cannot be written.
    """
    shown = shown_runs(workdirs)
    contents = contents_of(shown)
    page = (
        environment()
        .get_template("page.html.j2")
        .render(
            name=", ".join(one.label for one in shown),
            kind=f"{len(shown)} runs compared",
            headline=headline(shown),
            sections=list(contents),
            **contents,
        )
    )
    path = Path(path)
    write_atomically(path, lambda file: file.write(page.encode()))
    return path


def shown_runs(workdirs):
    """The runs in the order given, each with its label and its colour.

    Args:
        workdirs: see `render_runs`.

    Returns:
        list of `keras_kd.export.runs.Shown`.
    """
    kept = [read_run(workdir) for workdir in workdirs]
    paths = [one.path.resolve() for one in kept]
    if len(paths) < 2:
        raise ValueError(
            "Expected the working directories of two runs or more. "
            f"Received: {', '.join(map(str, workdirs)) or 'none'}."
        )
    twice = [str(one) for place, one in enumerate(workdirs) if paths[place] in paths[:place]]
    if twice:
        raise ValueError(
            "Expected each working directory once. "
            f"Received: {', '.join(twice)}, which is given twice. Leave one out."
        )
    return [
        runs.Shown(label, _colour(place), one, runs.student_of(one))
        for place, (label, one) in enumerate(zip(labels(paths), kept))
    ]


def labels(paths):
    """The shortest ends of paths that tell them apart, a list of str.

    Args:
        paths: list of absolute `Path`s, each once.
    """
    length = 1
    while len({one.parts[-length:] for one in paths}) < len(paths):
        length += 1
    return ["/".join(one.parts[-length:]) for one in paths]


def contents_of(shown):
    """What each section shows, by the name of its template, in the order of the page."""
    return {
        "runs_overview": runs.overview(shown),
        "runs_paired": runs_paired.paired(shown),
        "runs_trade_offs": runs.trade_offs(shown),
        "runs_learning": runs.learning(shown),
        "runs_configs": runs.configs(shown),
    }


def headline(shown):
    """Which student is the most accurate, and whether that is chance, in plain English."""
    ranked = sorted(
        (one for one in shown if one.accuracy is not None), key=lambda one: -one.accuracy
    )
    if not ranked:
        return "None of these runs has been evaluated yet."
    best = ranked[0]
    text = f"{best.label} has the most accurate student, {words.percent(best.accuracy)}"
    if len(ranked) == 1:
        return f"{text}; the others have not been evaluated yet."
    second = ranked[1]
    if second.accuracy == best.accuracy:
        text = f"{best.label} and {second.label} have the most accurate students"
        return f"{text}, {words.percent(best.accuracy)} each."
    text += f", ahead of {second.label} with {words.percent(second.accuracy)}"
    if runs_paired.why_not(best, second):
        return f"{text}, but they were not tested on the same images, so this says little."
    only = runs_paired.compared(best, second)[:2]
    if runs_paired.is_likely(*only):
        return f"{text}, which is more than chance."
    return f"{text}, which may be chance."


def _colour(place):
    own = (COLOURS[STUDENT], COLOURS[TEACHER])
    return own[place] if place < len(own) else other_colour(place - len(own))
