"""What the report tells of the answers that the run kept: who answers what, and how surely.

As in `sections`, functions give plain dicts for templates of the same names.
"""

import numpy as np
from markupsafe import Markup

from keras_kd.evaluation.calibration import CalibrationError
from keras_kd.export import charts
from keras_kd.export.facts import COLOURS, STUDENT, TEACHER
from keras_kd.export.pictures import class_name
from keras_kd.utils import words

MATRIX = 12  # classes that a table of all pairs holds on a page
PAIRS = 12  # most frequent pairs, where there are more classes
HOTTEST = 70  # per cent of the colour in the fullest cell


def confusion(predictions, names):
    """How often the student answers one class where its teacher answers another.

    Args:
        predictions: see `keras_kd.export.pictures.read_predictions`.
        names: of the classes.
    """
    if predictions is None or predictions["teacher"] is None:
        return None
    teacher, student = (predictions[who].argmax(-1) for who in (TEACHER, STUDENT))
    classes = predictions[STUDENT].shape[-1]
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (teacher, student), 1)
    apart = counts - np.diag(np.diag(counts))
    if not apart.any():
        return None  # the section of disagreements says so
    if classes > MATRIX:
        return {"pairs": _pairs(apart, predictions["label"], teacher, student, names)}
    return {
        "names": [class_name(names, one) for one in range(classes)],
        "rows": [
            [(int(n), _heat(n, counts if i == j else apart)) for j, n in enumerate(row)]
            for i, row in enumerate(counts)
        ],
    }


def _heat(count, counts):
    return round(HOTTEST * int(count) / max(int(counts.max()), 1))


def _pairs(apart, label, teacher, student, names):
    """The most frequent pairs of different answers, and who of the two is right how often."""
    order = np.argsort(-apart, axis=None, kind="stable")[:PAIRS]
    found = []
    for first, second in zip(*np.unravel_index(order, apart.shape)):
        if not apart[first, second]:
            break
        own = (teacher == first) & (student == second)
        found.append(
            {
                "teacher": class_name(names, first),
                "student": class_name(names, second),
                "images": int(apart[first, second]),
                "teacher_right": int((label[own] == first).sum()),
                "student_right": int((label[own] == second).sum()),
            }
        )
    return found


def reliability(predictions):
    """Whether student and teacher are right as often as they are sure, bin by bin."""
    if predictions is None:
        return None
    bins, legend, told = [], [], []
    for who, logits in predictions["logits"].items():
        error = CalibrationError()
        error.update(predictions["label"], logits)
        there = error.counts > 0
        counts = error.counts[there]
        sure, right = error.sure[there], error.right[there]
        bins.append((COLOURS[who], sure / counts, right / counts, counts))
        legend.append((who, COLOURS[who]))
        gap = (sure.sum() - right.sum()) / counts.sum()
        kind = "too sure" if gap > 0 else "not sure enough"
        told.append(f"The {who} is {words.points(abs(gap)).lstrip('+')} points {kind} on average.")
    title = "Right answers by how sure they were"
    return {
        "legend": legend,
        "note": " ".join(told),
        "figure": (title, Markup(charts.drawn(lambda axes, pen: _draw(axes, pen, bins), title))),
    }


def _draw(axes, pen, bins):
    from matplotlib.ticker import FuncFormatter

    charts.frame(axes)
    axes.plot((0, 1), (0, 1), color=charts.INK, linewidth=1, linestyle=":")
    for colour, sure, right, counts in bins:
        # The area of a point is its share of the images.
        axes.scatter(sure, right, s=14 + 160 * counts / counts.sum(), color=pen(colour), lw=0)
    axes.set_xlim(min(sure.min() for _, sure, _, _ in bins) - 0.03, 1.03)
    axes.set_ylim(-0.03, 1.05)
    axes.set_xlabel("how sure", color=charts.INK)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
