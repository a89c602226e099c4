"""What the sections of the report tell of the results: functions from the facts to plain dicts.

A function returns what its template of the same name shows, or nothing where there is nothing.
"""

import json

from keras_kd.export import formats, gains
from keras_kd.export import latency as times
from keras_kd.export.comparison import wrong
from keras_kd.export.explain import told
from keras_kd.export.facts import BASELINE, TEACHER, section, teacher_of
from keras_kd.export.headline import smallest_export
from keras_kd.utils import words

GROUP_NAMES = 6  # names of a group's classes in a table


def cards(report):
    """The figures that matter most: list of (label, value, detail)."""
    student, teacher = section(report, "student"), section(report, "teacher")
    accuracy, found, who = student.get("accuracy"), [], teacher_of(report)
    if words.is_number(accuracy):
        detail = ", ".join(filter(None, (wrong(report, accuracy), _interval(report, accuracy))))
        found.append(("Student accuracy", words.percent(accuracy), detail))
        for label, name, role in (
            (f"Against the {who}", who, TEACHER),
            (f"Gain from the {who}", "baseline", BASELINE),
        ):
            lead = gains.lead(report, role)
            if lead is not None:
                difference, interval = lead
                detail = f"{name} {words.percent(section(report, role)['accuracy'])}"
                detail += f", 95 % interval {gains.between(interval)}" if interval else ""
                found.append((label, f"{words.points(difference)} points", detail))
    share = words.fraction(student.get("parameters"), teacher.get("parameters"))
    if share:
        detail = f"{words.count(student['parameters'])} of {words.count(teacher['parameters'])}"
        found.append(("Parameters", share, detail))
    return found + _device_cards(report)


def _interval(report, accuracy):
    """ "95 % interval 97.00 % to 99.00 %", or "" where it is not known."""
    found = gains.accuracy_interval(accuracy, section(report, "data").get("test_images"))
    return f"95 % interval {gains.shares(found)}" if found else ""


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
        interval = gains.accuracy_interval(entry.get("accuracy"), entry.get("examples"))
        rows.append(
            {
                **entry,
                "name": name,
                "star": star,
                "title": kind.title,
                "share": share,
                "interval": gains.shares(interval),
            }
        )
        notes += [f"{star}{name}: {remark}." for remark in kind.remarks(entry)]
    return {
        "rows": rows,
        "note": " ".join(notes),
        "reference": reference,
        "most": max(sizes, default=0),
    }


def latency(report):
    """Times of all files in turns, see `keras_kd.export.latency`."""
    facts = section(report, "latency")
    rows = _rows(facts, "rows", "median_ms", "low_ms", "high_ms", "p90_ms")
    if not rows:
        return None
    facts = {**facts, "rows": rows}
    known = facts.get("int8_instructions")
    extra = f", with {', '.join(known)}" if known else ""
    start = f"All files were timed in turns on {facts.get('processor')}{extra}."
    return {
        "note": " ".join([start, *times.notes(facts)]),
        "rows": [row | {"how": times.how(row)} for row in rows],
        "most": max(row["median_ms"] for row in rows),
    }


def resizing(report):
    """How often the student answers the same where a device resizes images in another way."""
    facts = section(report, "resizing")
    kinds = [entry for entry in facts.get("kinds") or [] if isinstance(entry, dict)]
    if not kinds:
        return None
    return {"rows": kinds, "images": words.count(facts.get("examples"))}


def explain(report):
    """Which layers lose most in integers, and what keeping them in float32 would give."""
    found = section(report, "explain")
    layers, numbers = _rows(found, "layers", "sqnr_db", "largest"), ("sqnr_db", "agreement")
    path, singles = (_rows(found, name, *numbers) for name in ("path", "singles"))
    lists = [found.get("recipe"), *(row.get("keep") for row in (*path, *singles))]
    if not layers or not path or not all(_is_names(one) for one in lists):
        return None
    norms = next(iter(_rows({"norms": [found.get("norms")]}, "norms", *numbers)), None)
    found = {"examples": None, "command": "", **found}
    found |= {"path": path, "singles": singles, "norms": norms}
    return {
        "layers": layers[: told.SHOWN],
        "rows": told.labelled(found),
        "note": f"{told.advice(found).removesuffix('.')}.",
    }


def _rows(facts, name, *numbers):
    """Those of a list in the facts that are dicts with these numbers."""
    found = facts.get(name)
    return [
        row
        for row in (found if isinstance(found, list) else [])
        if isinstance(row, dict) and all(words.is_number(row.get(key)) for key in numbers)
    ]


def _is_names(value):
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def class_groups(report, stages):
    """What each stage's network knows of classes that were learned one lesson after the other.

    Args:
        report: what `report.json` holds.
        stages: list of `keras_kd.export.facts.Stage`.
    """
    facts = section(report, "class_groups")
    groups, found = facts.get("groups") or [], section(facts, "stages")
    if not groups or not found:
        return None
    labels = {stage.name: stage.label for stage in stages}
    return {
        "groups": [_group(group) for group in groups],
        "rows": [
            {"label": labels.get(name, name), "groups": [one or {} for one in accuracies]}
            for name, accuracies in found.items()
        ],
    }


def _group(facts):
    """ "0, 1, 2 and 7 more (250 images)"."""
    names = facts.get("classes") or []
    more = f" and {len(names) - GROUP_NAMES} more" if len(names) > GROUP_NAMES else ""
    return f"{', '.join(names[:GROUP_NAMES])}{more} ({words.count(facts.get('images'))} images)"


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
    for line in facts.get("images") or []:  # what keras_kd.run.sources.describe tells
        yield f"{line[0].upper()}{line[1:]}."
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
