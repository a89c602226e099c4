"""What the sections of the report tell of the results: functions from the facts to plain dicts.

A function returns what its template of the same name shows, or nothing where there is nothing.
"""

import json

from keras_kd.export import formats
from keras_kd.export.comparison import wrong
from keras_kd.export.facts import section, teacher_of
from keras_kd.export.headline import smallest_export
from keras_kd.utils import words


def cards(report):
    """The figures that matter most: list of (label, value, detail)."""
    student, teacher = section(report, "student"), section(report, "teacher")
    accuracy, baseline = student.get("accuracy"), section(report, "baseline").get("accuracy")
    found, who = [], teacher_of(report)
    if words.is_number(accuracy):
        found.append(("Student accuracy", words.percent(accuracy), wrong(report, accuracy)))
        for label, name, other in (
            (f"Against the {who}", who, teacher.get("accuracy")),
            (f"Gain from the {who}", "baseline", baseline),
        ):
            if words.is_number(other):
                points = f"{words.points(accuracy - other)} points"
                found.append((label, points, f"{name} {words.percent(other)}"))
    share = words.fraction(student.get("parameters"), teacher.get("parameters"))
    if share:
        detail = f"{words.count(student['parameters'])} of {words.count(teacher['parameters'])}"
        found.append(("Parameters", share, detail))
    return found + _device_cards(report)


def _device_cards(report):
    chosen = smallest_export(report)
    if not chosen:
        return []
    name, entry = chosen
    detail = f"accuracy {words.percent(entry.get('accuracy'))}"
    found = [(f"{name} file", words.size(entry["bytes"]), detail)]
    if words.is_number(entry.get("latency_ms")):
        rate = f"{1000 / entry['latency_ms']:,.0f} images a second"
        found.append((f"{name} latency", words.milliseconds(entry["latency_ms"]), rate))
    return found


def exports(report):
    """Every exported file: what it weighs, how well it answers and how fast."""
    entries = {
        name: entry for name, entry in section(report, "exports").items() if isinstance(entry, dict)
    }
    sizes = [entry["bytes"] for entry in entries.values() if words.is_number(entry.get("bytes"))]
    reference = next((name for name in entries if formats.of_name(name).is_reference), None)
    base = section(entries, reference).get("bytes")
    rows, notes = [], []
    for name, entry in entries.items():
        kind, star = formats.of_name(name), "* " if entry.get("fallback") else ""
        known = words.is_number(base) and words.is_number(entry.get("bytes")) and base
        share = words.percent(entry["bytes"] / base, 0) if known else words.DASH
        rows.append({**entry, "name": name, "star": star, "title": kind.title, "share": share})
        notes += [f"{star}{name}: {remark}." for remark in kind.remarks(entry)]
    return {
        "rows": rows,
        "note": " ".join(notes),
        "reference": reference,
        "most": max(sizes, default=0),
    }


def data(report):
    """What it was trained and tested on, and the files that had to be skipped."""
    facts = section(report, "data")
    if not facts and not report.get("dataset"):
        return None
    skipped = facts.get("skipped") or []
    return {
        "note": " ".join(_data_notes(report, facts, skipped)),
        "skipped": [_skipped(entry) for entry in skipped],
    }


def _data_notes(report, facts, skipped):
    if report.get("dataset"):
        yield f"Data set {report['dataset']}."
    for role, key in (("Trained", "train"), ("Tested", "test")):
        number = facts.get(f"{key}_images")
        split = facts.get("train_split" if key == "train" else "eval_split")
        if words.is_number(number):
            yield f"{role} on {words.count(number)} images{f' ({split})' if split else ''}."
    train = section(report, "train")
    if words.is_number(train.get("steps")):
        yield (
            f"Distilled for {words.count(train['steps'])} steps in "
            f"{words.duration(train.get('seconds'))}, "
            f"{words.count(train.get('images_per_second'))} images a second."
        )
    if skipped:
        yield f"{words.count(len(skipped))} unreadable files were skipped."
    elif "skipped" in facts:
        yield "No file had to be skipped."


def reproduce(report, config):
    """The commands that make this run again, and its config."""
    command = report.get("command") or (
        f"keras-kd-train --config=configs/{report.get('name') or 'FILE'}.py --workdir=DIR\n"
        "keras-kd-export --workdir=DIR\n"
        "keras-kd-report --workdir=DIR"
    )
    listing = json.dumps(config, indent=2, ensure_ascii=False) if config else ""
    return {"command": command, "config": listing}


def _skipped(entry):
    """(file, reason)."""
    return entry if isinstance(entry, (list, tuple)) and len(entry) == 2 else (entry, "")
