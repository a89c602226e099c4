"""What the page of several runs tells of them side by side: plain dicts for templates `runs_...`.

As in `sections`, a function returns what its template shows, or nothing where there is nothing.
"""

import contextlib
import dataclasses
import json
import math

from markupsafe import Markup

from keras_kd.config.keys import completed, flat
from keras_kd.export import charts, gains
from keras_kd.export.facts import STUDENT, section, stages_of
from keras_kd.export.headline import device_files, smallest_export
from keras_kd.export.kept_run import KeptRun
from keras_kd.export.scatter import scatter
from keras_kd.utils import pareto, words

LONGEST = 120  # letters of a config's value
NOT_SET = words.DASH


@dataclasses.dataclass(frozen=True)
class Shown:
    """A run as the page shows it.

    Attributes:
        label: the folder's name, with those above it where several share one.
        colour: CSS colour, the same in tables, charts and legends.
        run: `keras_kd.export.kept_run.KeptRun`.
        student: `keras_kd.export.facts.Stage` that trains the student.
    """

    label: str
    colour: str
    run: KeptRun
    student: object

    @property
    def report(self):
        """What its `report.json` holds, or {}."""
        return self.run.report

    @property
    def accuracy(self):
        """The student's, a share in [0, 1], or None."""
        found = section(self.report, "student").get("accuracy")
        return found if words.is_number(found) else None


def student_of(run):
    """The `Stage` of a run's student."""
    logged = [record["stage"] for record in run.records]
    found = stages_of(run.report, run.config, logged)
    named = [stage for stage in found if stage.role == STUDENT]
    return named[-1] if named else None


def overview(shown):
    """The runs side by side."""
    rows = [_row(one) for one in shown]
    sizes = [row["bytes"] for row in rows if words.is_number(row["bytes"])]
    return {"rows": rows, "most": max(sizes, default=0)}


def _row(one):
    report, smallest = one.report, smallest_export(one.report)
    name, file = smallest or ("", {})
    images = section(report, "data").get("test_images")
    return {
        "label": one.label,
        "colour": one.colour,
        "tag": _tag(one),
        "accuracy": one.accuracy,
        "interval": gains.shares(gains.accuracy_interval(one.accuracy, images)),
        "teacher": section(report, "teacher").get("accuracy"),
        "agreement": section(report, "fidelity").get("agreement"),
        "parameters": section(report, "student").get("parameters"),
        "format": name,
        "bytes": file.get("bytes"),
        "file_accuracy": file.get("accuracy"),
        "latency_ms": file.get("latency_ms"),
        "duration": words.duration(section(report, "train").get("seconds")),
    }


def _tag(one):
    """How far a run is that is not finished, else its name and its student's network."""
    if one.accuracy is None:
        if not one.run.records:
            return "not finished"
        last = one.run.records[-1]
        step = words.count(last["step"])
        return f"not finished: {last['stage']}, step {step}"
    network = section(one.report, "student").get("name")
    return ", ".join(str(part) for part in (one.report.get("name"), network) if part)


def trade_offs(shown):
    """Accuracy of all files for devices against their bytes and their latency."""
    files = [
        {"one": one, "format": name, **entry}
        for one in shown
        for name, entry in device_files(one.report).items()
        if words.is_number(entry.get("accuracy"))
    ]
    figures, best = [], {}
    for title, key, told in (
        ("Accuracy against bytes", "bytes", words.size),
        ("Accuracy against latency", "latency_ms", words.milliseconds),
    ):
        known = [entry for entry in files if words.is_number(entry.get(key))]
        front = pareto.front(known, lambda entry, key=key: (-entry["accuracy"], entry[key]))
        chart = scatter(_points(known, key), _points(front, key), title, "one file a point", told)
        if chart:
            figures.append((title, Markup(chart)))
        for entry in front:
            best.setdefault((entry["one"].label, entry["format"]), {**entry, "best": []})
            best[entry["one"].label, entry["format"]]["best"].append(key)
    if not figures:
        return None
    without = [one.label for one in shown if all(entry["one"] is not one for entry in files)]
    return {
        "legend": [(one.label, one.colour) for one in shown if one.label not in without],
        "figures": figures,
        "rows": sorted(best.values(), key=_best_first),
        "note": f"Without files so far: {', '.join(without)}." if without else "",
    }


def _best_first(entry):
    size = entry.get("bytes")
    return -entry["accuracy"], size if words.is_number(size) else math.inf


def _points(files, key):
    return [
        (entry["one"].colour, entry[key], entry["accuracy"], entry["format"]) for entry in files
    ]


def learning(shown):
    """The students' curves, one over the other."""
    drawn = [
        ("Validation accuracy", charts.VALIDATION_ACCURACY, {"as_percent": True}),
        ("Training loss (log scale)", charts.LOSS, {"log": True}),
    ]
    figures, seen = [], []
    for title, keys, options in drawn:
        lines = []
        for one in shown:
            curve = charts.curves(one.run.records, keys)
            if one.student is not None and one.student.name in curve:
                lines.append((one.colour, *curve[one.student.name]))
                seen.append(one.label)
        if lines:
            figures.append((title, Markup(charts.learning_curves(lines, title, **options))))
    if not figures:
        return None
    legend = [(one.label, one.colour) for one in shown if one.label in seen]
    return {"legend": legend, "figures": figures}


def configs(shown):
    """The keys of the configs that are not the same in all runs, each with its values."""
    known = [one for one in shown if one.run.config]
    if len(known) < 2:
        return None
    values = [_values(one.run.config) for one in known]
    keys = sorted(set().union(*values))
    rows = [
        (key, told)
        for key in keys
        if len(set(told := [found.get(key, NOT_SET) for found in values])) > 1
    ]
    without = [one.label for one in shown if not one.run.config]
    return {
        "labels": [one.label for one in known],
        "rows": rows,
        "note": f"Without a config: {', '.join(without)}." if without else "",
    }


def _values(config):
    """Dotted key -> value as text; keys that a run of long ago has not are what was built in."""
    with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):  # not a run's
        config = completed(config)
    return {key: _short(value) for key, value in flat(config).items()}


def _short(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
