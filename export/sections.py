"""The sections of the report that tell its results: functions from the facts to HTML, or ""."""

import json

from keras_kd.evaluation import expected_calibration_error
from keras_kd.export import formats, words
from keras_kd.export.headline import smallest_export
from keras_kd.export.markup import bar, section_of, table, text
from keras_kd.export.words import section

MODELS = ("teacher", "baseline", "student")


def cards(report):
    """The figures that matter most."""
    student, teacher = section(report, "student"), section(report, "teacher")
    accuracy, baseline = student.get("accuracy"), section(report, "baseline").get("accuracy")
    found = []
    if words.is_number(accuracy):
        found.append(("Student accuracy", words.percent(accuracy), _wrong(report, accuracy)))
    if words.is_number(accuracy) and words.is_number(teacher.get("accuracy")):
        points = words.points(accuracy - teacher["accuracy"])
        detail = f"teacher {words.percent(teacher['accuracy'])}"
        found.append(("Against the teacher", f"{points} points", detail))
    if words.is_number(accuracy) and words.is_number(baseline):
        points = words.points(accuracy - baseline)
        found.append(
            (
                "Gain from the teacher",
                f"{points} points",
                f"baseline {words.percent(baseline)}",
            )
        )
    share = words.fraction(student.get("parameters"), teacher.get("parameters"))
    if share:
        detail = f"{words.count(student['parameters'])} of {words.count(teacher['parameters'])}"
        found.append(("Parameters", share, detail))
    chosen = smallest_export(report)
    if chosen:
        name, entry = chosen
        detail = f"accuracy {words.percent(entry.get('accuracy'))}"
        found.append((f"{name} file", words.size(entry["bytes"]), detail))
        if words.is_number(entry.get("latency_ms")):
            rate = f"{1000 / entry['latency_ms']:,.0f} images a second"
            found.append((f"{name} latency", words.milliseconds(entry["latency_ms"]), rate))
    made = "".join(
        f'<div class="card"><div class="label">{text(label)}</div>'
        f'<div class="value">{text(value)}</div><div class="detail">{text(detail)}</div></div>'
        for label, value, detail in found
    )
    return f'<div class="cards">{made}</div>' if made else ""


def models(report, predictions, student_bytes):
    """Teacher, baseline and student side by side."""
    present = [name for name in MODELS if section(report, name)]
    if not present:
        return ""
    most = max((_parameters(report, name) or 0 for name in present), default=0)
    rows = []
    for name in present:
        entry, parameters = section(report, name), _parameters(report, name)
        network = entry.get("name") or (
            name == "baseline" and section(report, "student").get("name")
        )
        logits = predictions["logits"].get(name) if predictions else None
        error = None
        if logits is not None:
            error = expected_calibration_error(predictions["label"], logits)
        tag = f'<span class="tag">{text(network)}</span>' if network else ""
        # Four bytes a number: what the weights take in float32, the same measure for all three.
        size = 4 * parameters if words.is_number(parameters) else None
        rows.append(
            f'<tr class="{name}"><td><span class="chip"></span>{name}{tag}</td>'
            f"<td>{words.percent(entry.get('accuracy'))}</td>"
            f"<td>{text(_wrong(report, entry.get('accuracy')))}</td>"
            f"<td>{bar(words.count(parameters), parameters, most)}</td>"
            f"<td>{words.size(size)}</td><td>{words.percent(error)}</td></tr>"
        )
    head = ("", "accuracy", "wrong answers", "parameters", "weights", "calibration error")
    notes = []
    if "baseline" in present:
        notes.append("The baseline is the student's network trained on labels, without a teacher.")
    fidelity = section(report, "fidelity")
    if words.is_number(fidelity.get("agreement")):
        notes.append(
            f"Student and teacher give the same answer on {words.percent(fidelity['agreement'])} "
            f"of the test images (mean KL divergence {fidelity.get('kl', float('nan')):.4f})."
            if words.is_number(fidelity.get("kl"))
            else f"Student and teacher agree on {words.percent(fidelity['agreement'])}."
        )
    notes.append("Weights are counted at four bytes a parameter.")
    if student_bytes:
        notes.append(f"student.keras takes {words.size(student_bytes)}.")
    return section_of("Teacher, baseline, student", table(head, rows), " ".join(notes))


def exports(report):
    """Every exported file: what it weighs, how well it answers and how fast."""
    entries = {
        name: entry for name, entry in section(report, "exports").items() if isinstance(entry, dict)
    }
    if not entries:
        note = "Nothing has been exported yet: run keras-kd-export on this working directory."
        return section_of("Files for the device", "", note)
    sizes = [entry["bytes"] for entry in entries.values() if words.is_number(entry.get("bytes"))]
    reference = next((name for name in entries if formats.told_as(name).is_reference), None)
    base = section(entries, reference).get("bytes")
    rows, notes = [], []
    for name, entry in entries.items():
        ratio = words.DASH
        if words.is_number(base) and words.is_number(entry.get("bytes")) and base:
            ratio = f"{100 * entry['bytes'] / base:.0f} %"
        detail = formats.told_as(name).title
        star = " *" if entry.get("fallback") else ""
        tag = f'<span class="tag">{text(detail)}</span>' if detail else ""
        size = bar(words.size(entry.get("bytes")), entry.get("bytes"), max(sizes, default=0))
        rows.append(
            f'<tr class="student"><td>{text(name)}{star}{tag}</td><td>{size}</td><td>{ratio}</td>'
            f"<td>{words.percent(entry.get('accuracy'))}</td>"
            f"<td>{words.percent(entry.get('agreement_with_keras'))}</td>"
            f"<td>{words.milliseconds(entry.get('latency_ms'))}</td>"
            f"<td>{words.milliseconds(entry.get('p90_ms'))}</td></tr>"
        )
        notes += [
            f"{'* ' if star else ''}{name}: {said}" for said in formats.told_as(name).remarks(entry)
        ]
    head = (
        "format",
        "size",
        f"of {reference}",
        "accuracy",
        "same as Keras",
        "latency",
        "9 in 10 under",
    )
    intro = "Each file was run on every test image and compared with the Keras student. "
    return section_of("Files for the device", table(head, rows), intro + " ".join(notes))


def data(report):
    """What it was trained and tested on, and the files that had to be skipped."""
    facts = section(report, "data")
    if not facts and not report.get("dataset"):
        return ""
    lines = [f"Data set {report['dataset']}."] if report.get("dataset") else []
    for role, key in (("Trained", "train"), ("Tested", "test")):
        number = facts.get(f"{key}_images")
        split = facts.get("train_split" if key == "train" else "eval_split")
        if words.is_number(number):
            lines.append(f"{role} on {words.count(number)} images{f' ({split})' if split else ''}.")
    train = section(report, "train")
    if words.is_number(train.get("steps")):
        lines.append(
            f"Distilled for {words.count(train['steps'])} steps in "
            f"{words.duration(train.get('seconds'))}, "
            f"{words.count(train.get('images_per_second'))} images a second."
        )
    skipped = facts.get("skipped") or []
    body = ""
    if skipped:
        lines.append(f"{words.count(len(skipped))} unreadable files were skipped.")
        rows = [_skipped_row(entry) for entry in skipped]
        listing = table(("file", "reason"), rows)
        is_open = " open" if len(rows) <= 10 else ""
        body = f"<details{is_open}><summary>Skipped files</summary>{listing}</details>"
    elif "skipped" in facts:
        lines.append("No file had to be skipped.")
    return section_of("Data", body, " ".join(lines))


def reproduce(report, config):
    """The commands that make this run again, and its config."""
    name = report.get("name") or "FILE"
    command = report.get("command") or (
        f"keras-kd-train --config=configs/{name}.py --workdir=DIR\n"
        "keras-kd-export --workdir=DIR\n"
        "keras-kd-report --workdir=DIR"
    )
    body = f"<pre>{text(command)}</pre>"
    if config:
        listing = json.dumps(config, indent=2, ensure_ascii=False)
        body += f"<details><summary>Config</summary><pre>{text(listing)}</pre></details>"
    return section_of("Do it again", body, "", long=True)


def _parameters(report, name):
    value = section(report, name).get("parameters")
    if value is None and name == "baseline":  # the same network as the student
        value = section(report, "student").get("parameters")
    return value if words.is_number(value) else None


def _wrong(report, accuracy):
    """ "5 of 360" wrong answers, or "" where that is not known."""
    images = section(report, "data").get("test_images")
    if not (words.is_number(images) and words.is_number(accuracy)):
        return ""
    return f"{round(images * (1 - accuracy)):,} of {images:,} wrong"


def _skipped_row(entry):
    name, reason = entry if isinstance(entry, (list, tuple)) and len(entry) == 2 else (entry, "")
    return f'<tr><td class="wide">{text(name)}</td><td class="wide">{text(reason)}</td></tr>'
