"""What a search found: the best compromises, a plot, a table, and the config of the chosen one."""

import pprint

from keras_kd.run.search.proposals import Proposal
from keras_kd.utils import pareto
from keras_kd.utils.files import write_atomically, write_json
from keras_kd.utils.tables import text_table
from keras_kd.utils.words import milliseconds, percent, size

CONFIG = '''"""The student that keras-kd-search chose: {title}.

Of {tried} students that fit, the one that agrees most with its teacher on {count} training images
held out, after a short distillation: {agreement}. Its {format} file has {bytes:,} bytes and takes
{ms:.3g} ms an image on the machine of the search.
Command: keras-kd-train --config={path} --workdir=workdir/{name}
"""

from ml_collections import ConfigDict

from keras_kd.config.keys import completed

SETTINGS = {settings}


def get_config():
    """The config of the search, with this student; its teacher is the one of the search."""
    return ConfigDict(completed(SETTINGS))
'''


def title(proposal):
    """A proposal in a few words, from the dict of it."""
    kwargs = ", ".join(f"{key}={_short(value)}" for key, value in proposal["kwargs"].items())
    return f"{proposal['name']}({kwargs}) at {proposal['side']} px"


def _short(value):
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, dict):  # a width for each of many layers
        return "{" + ", ".join(sorted({_short(one) for one in value.values()})) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_short, value)) + "]"
    return str(value)


def front(trials):
    """Those than which none is as good in all and better in something.

    Args:
        trials: list of trials whose `values` are (agreement, milliseconds, bytes).

    Returns:
        list of them, the best agreement first.
    """
    kept = pareto.front(trials, lambda one: (-one.values[0], *one.values[1:]))
    return sorted(kept, key=lambda one: (-one.values[0], one.values[2]))


def write_all(trials, bench, asked):
    """Writes `pareto.png`, `results.json`, `table.txt` and `chosen.py` into the study's folder.

    Args:
        trials: list of the trials that came to an end.
        bench: `keras_kd.run.search.bench.Bench`.
        asked: `keras_kd.run.search.story.Asked`.

    Returns:
        dict: `table`, text; `chosen`, path of the config; `plot`, path; `front`, list of the rows
        of `results.json` that are on it.

    Raises:
        ValueError: none fits the budget; says the nearest.
    """
    tried = [one for one in trials if one.values]
    if not tried:
        raise ValueError(_nothing_fits(trials, asked))
    best = front(tried)
    rows = [_row(one, best) for one in trials]
    folder = bench.folder
    write_json(folder / "results.json", rows)
    table = _table(best, asked)
    write_atomically(folder / "table.txt", lambda file: file.write(f"{table}\n".encode()))
    path = _write_config(best[0], len(tried), bench, asked)
    plot = folder / "pareto.png"
    write_atomically(plot, lambda file: _draw(file, tried, best, asked))
    numbers = {one.number for one in best}
    return {
        "table": table,
        "chosen": str(path),
        "plot": str(plot),
        "front": [row for row in rows if row["trial"] in numbers],
    }


def _row(trial, best):
    attrs = trial.user_attrs
    return {
        "trial": trial.number,
        "on_the_front": trial in best,
        "student": attrs["proposal"],
        "files": attrs.get("files", {}),
        "curve": attrs.get("curve", []),
        "accuracy": attrs.get("accuracy"),
        "ended": attrs.get("why", "tried to its end"),
    }


def _table(best, asked):
    """The front as text; the first row is the chosen one."""
    rows = []
    for one in best:
        attrs = one.user_attrs
        file = attrs["files"][asked.formats[0]]
        spread = f"{file['low']:.3g} to {file['high']:.3g} ms"
        shares = percent(one.values[0], 1), percent(attrs.get("accuracy"), 1)
        cost = size(file["bytes"]), milliseconds(file["ms"]), spread
        rows.append((title(attrs["proposal"]), str(one.number), *shares, *cost))
    header = (
        "student",
        "trial",
        "agreement",
        "accuracy",
        asked.formats[0],
        "an image",
        "half within",
    )
    return text_table(header, rows)


def _nothing_fits(trials, asked):
    """The sentence about a budget that no student met."""
    limits = {name: one for name, one in asked.limits._asdict().items() if one is not None}
    told = ", ".join(f"--{name}={limit:g}" for name, limit in limits.items())

    def excess(trial):
        return max([share for share in trial.constraints.values() if share > 0], default=0)

    measured = [one for one in trials if "files" in one.user_attrs]
    if not measured:
        return (
            f"No student could be built, of {len(trials)}. Received: "
            f"{title(trials[-1].user_attrs['proposal'])}, {trials[-1].user_attrs['why']} Search "
            "other --networks, or change the config."
        )
    nearest = min(measured, key=excess)
    file = nearest.user_attrs["files"][asked.formats[0]]
    return (
        f"A budget must be one that a student meets. Received: {told}; the nearest of "
        f"{len(trials)} students, {title(nearest.user_attrs['proposal'])}, needs {file['bytes']:,} "
        f"bytes and {file['ms']:.3g} ms. Raise it in another --study, search other --networks, or "
        "try more with --trials."
    )


def _write_config(trial, tried, bench, asked):
    attrs = trial.user_attrs
    proposal = Proposal(**attrs["proposal"])
    config = bench.chosen(proposal)
    path = bench.folder / "chosen.py"
    file = attrs["files"][asked.formats[0]]
    settings = config.to_dict()  # with its tuples, which the command line can change
    text = CONFIG.format(
        title=title(attrs["proposal"]),
        tried=tried,
        count=bench.count,
        agreement=percent(trial.values[0], 1),
        format=asked.formats[0],
        path=path.absolute(),
        name=config.name,
        settings=pprint.pformat(settings, width=98, sort_dicts=False),
        **{key: file[key] for key in ("bytes", "ms")},
    )
    write_atomically(path, lambda target: target.write(text.encode()))
    return path


def _draw(file, tried, best, asked):
    """Agreement against milliseconds and against bytes, into a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    limits = asked.limits.latency_ms, asked.limits.bytes
    names = "milliseconds an image", f"bytes of the {asked.formats[0]} file"
    for axes, place, name, limit in zip((left, right), (1, 2), names, limits):
        for some, style in (
            (tried, {"color": "0.7", "label": "tried"}),
            (best, {"color": "C0", "label": "none is better in all"}),
            (best[:1], {"color": "C3", "marker": "*", "s": 160, "label": "chosen"}),
        ):
            costs = [one.values[place] for one in some]
            axes.scatter(costs, [100 * one.values[0] for one in some], **style)
        if limit is not None:
            axes.axvline(limit, color="0.5", linestyle=":", label="budget")
        axes.set_xlabel(name)
    left.set_ylabel("agreement with the teacher, %")
    right.legend()
    figure.savefig(file, format="png", dpi=120)
