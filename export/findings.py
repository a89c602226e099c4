"""What the report tells of the run's log and predictions: curves, disagreements, classes.

As in `sections`, functions give plain dicts for templates of the same names.
"""

from markupsafe import Markup

from keras_kd.export import charts, pictures
from keras_kd.run.made import load as load_made
from keras_kd.utils import words

SHOWN_CLASSES = 12
MADE = 64  # images of a generator


def learning(records, stages):
    """Loss and validation accuracy of every stage, or None before anything is logged.

    Args:
        records: dicts from `metrics.jsonl`.
        stages: list of `keras_kd.export.facts.Stage`, the logged ones among them.
    """
    drawn = [
        ("Validation accuracy", charts.VALIDATION_ACCURACY, {"as_percent": True}),
        ("Training loss (log scale)", charts.LOSS, {"log": True}),
    ]
    figures, seen = [], set()
    for title, keys, options in drawn:
        curves = charts.curves(records, keys)
        seen |= curves.keys()
        lines = [(stage.colour, *curves[stage.name]) for stage in stages if stage.name in curves]
        if lines:
            # The chart is our own markup, its title ours, and no name of a stage is in it.
            figures.append((title, Markup(charts.learning_curves(lines, title, **options))))
    legend = [(stage.label, stage.colour) for stage in stages if stage.name in seen]
    return {"legend": legend, "figures": figures} if figures else None


def disagreement(workdir, predictions, names):
    """Images on which student and teacher give different answers."""
    if predictions is None:
        return None
    if predictions["teacher"] is None:
        return {"note": "The teacher's predictions were not kept in this run."}
    indices, total = pictures.disagreements(predictions)
    count = words.count(len(predictions["label"]))
    if not total:
        return {"note": f"Nowhere: they give the same answer on all {count} images."}
    found, missing = pictures.fetch(workdir, indices, predictions["label"])
    shown = f", the {len(indices)} surest first" if len(indices) < total else ", the surest first"
    note = f"On {words.count(total)} of {count} test images{shown}."
    if missing:
        note += f" The images cannot be shown: {missing}"
    return {
        "note": note,
        "pictures": [_picture(int(i), found.get(int(i)), predictions, names) for i in indices],
    }


def made(workdir):
    """Images that a network made for the student, where there were no others; None elsewhere."""
    images = load_made(workdir)
    if images is None:
        return None
    shown = [pictures.data_url(image) for image in images[:MADE]]
    return {
        "note": "It saw no image of a data set. A network made what it saw of noise; here are "
        f"{len(shown)} of these images, as it makes them at the end.",
        "pictures": [{"address": address, "small": small} for address, small in shown],
    }


def _picture(index, image, predictions, names):
    label = int(predictions["label"][index])
    answers = []
    for who in ("teacher", "student"):
        answer = int(predictions[who][index].argmax())
        answers.append(
            {
                "who": who,
                "name": pictures.class_name(names, answer),
                "tone": "good" if answer == label else "bad",
                "sure": words.percent(predictions[who][index, answer], 0),
            }
        )
    address, small = (None, False) if image is None else pictures.data_url(image)
    return {
        "index": index,
        "label": pictures.class_name(names, label),
        "address": address,
        "small": small,
        "answers": answers,
    }


def classes(predictions, names):
    """Accuracy by class, the hardest first."""
    if predictions is None:
        return None
    rows = []
    for name, count, teacher, student in pictures.per_class(predictions, names):
        gap = None if teacher is None else student - teacher
        rows.append(
            {
                "name": name,
                "images": count,
                "teacher": teacher,
                "student": student,
                "gap": "" if gap is None else words.points(gap),
                "tone": "good" if (gap or 0) > 0 else "bad" if (gap or 0) < 0 else "",
            }
        )
    return {"shown": rows[:SHOWN_CLASSES], "rest": rows[SHOWN_CLASSES:]}
