"""The report's table of a run's networks, side by side: facts for the template `stages`."""

from keras_kd.evaluation import expected_calibration_error
from keras_kd.export import gains
from keras_kd.export.facts import BASELINE, section
from keras_kd.utils import words


def stages(report, found, predictions, student_bytes):
    """The networks of the run side by side.

    Args:
        report: what `report.json` holds.
        found: list of `keras_kd.export.facts.Stage`.
        predictions: see `keras_kd.export.pictures.read_predictions`.
        student_bytes: size of student.keras, or None.
    """
    rows = [
        {
            **stage.facts,
            "label": stage.label,
            "colour": stage.colour,
            "tags": _tags(stage),
            "wrong": wrong(report, stage.facts.get("accuracy")),
            "interval": _interval(report, stage.facts.get("accuracy")),
            "calibration_error": _calibration_error(predictions, stage.role),
        }
        for stage in found
        if stage.facts
    ]
    if not rows:
        return None
    sizes = [row["parameters"] for row in rows if words.is_number(row.get("parameters"))]
    labels = [row["label"] for row in rows]
    title = ", ".join(labels) if len(labels) <= 5 else f"{len(labels)} stages"
    return {
        "title": title[:1].upper() + title[1:],
        "note": " ".join(_stage_notes(report, labels, student_bytes)),
        "rows": rows,
        "most": max(sizes, default=0),
    }


def _interval(report, accuracy):
    found = gains.accuracy_interval(accuracy, section(report, "data").get("test_images"))
    return gains.shares(found)


def _tags(stage):
    """What stands beside a stage's label: its network, and its own name where that is another."""
    name = stage.name if stage.name != stage.label and "teachers" in stage.facts else None
    return [tag for tag in (name, stage.facts.get("network")) if tag]


def _calibration_error(predictions, role):
    logits = predictions["logits"].get(role) if predictions else None
    return None if logits is None else expected_calibration_error(predictions["label"], logits)


def _stage_notes(report, labels, student_bytes):
    if BASELINE in labels:
        yield "The baseline is the student's network trained on labels, without a teacher."
    fidelity = section(report, "fidelity")
    if words.is_number(fidelity.get("agreement")):
        kl = fidelity.get("kl")
        distance = f" (mean KL divergence {kl:.4f})" if words.is_number(kl) else ""
        yield (
            f"Student and teacher give the same answer on {words.percent(fidelity['agreement'])} "
            f"of the test images{distance}."
        )
    for name, beside in section(section(report, "stages"), _last(report)).get("beside", {}).items():
        yield (
            f"Beside the student, '{name}' was trained, which stays behind: "
            f"{words.percent(beside['accuracy'])} right, {beside['parameters']:,} parameters."
        )
    if ensemble := section(report, "ensemble"):
        yield (
            f"The mean of the logits of {', '.join(ensemble['members'])} is right on "
            f"{words.percent(ensemble['accuracy'])} of the test images."
        )
    # The same measure for all networks: what the weights take in float32.
    yield "Weights are counted at four bytes a parameter."
    if student_bytes:
        yield f"student.keras takes {words.size(student_bytes)}."


def _last(report):
    return next(reversed(section(report, "stages")), "")


def wrong(report, accuracy):
    """ "5 of 360 wrong", or "" where that is not known."""
    images = section(report, "data").get("test_images")
    if not (words.is_number(images) and words.is_number(accuracy)):
        return ""
    return f"{round(images * (1 - accuracy)):,} of {images:,} wrong"
