"""Pairs of runs on the same test images: which student is better, and whether that is chance."""

import itertools

import numpy as np

from keras_kd.evaluation import intervals
from keras_kd.export import gains
from keras_kd.export.facts import section
from keras_kd.utils import words

EVERY = 4  # of more runs each is only compared with the first
LIKELY = 0.05  # below this a difference is taken for more than chance


def paired(shown):
    """Each pair of runs, tested on the images on which only one of the two students is right.

    Args:
        shown: list of `keras_kd.export.runs.Shown`, at least two.
    """
    pairs = list(itertools.combinations(shown, 2))
    if len(shown) > EVERY:
        pairs = [(shown[0], other) for other in shown[1:]]
    rows, refused = [], {}
    for first, second in pairs:
        why = why_not(first, second)
        if why:
            refused.setdefault(why, []).append(f"{first.label} and {second.label}")
        else:
            rows.append(_row(first, second))
    return {
        "rows": rows,
        "refused": [(", ".join(names), why) for why, names in refused.items()],
        "note": _note(rows),
    }


def why_not(first, second):
    """Why two runs cannot be compared image by image; "" where they can."""
    for one in (first, second):
        if one.accuracy is None:
            return f"{one.label} is not finished"
        if one.run.predictions is None:
            return f"{one.label} keeps no answers to the test images (predictions.npz)"
    classes = [one.report.get("classes") for one in (first, second)]
    if classes[0] != classes[1]:
        return "their class lists differ"
    seen = [_test_images(one) for one in (first, second)]
    if seen[0] != seen[1]:
        return f"they were tested on other images ({' against '.join(seen)})"
    if not np.array_equal(*(one.run.predictions["label"] for one in (first, second))):
        return "they were tested on other images, or in another order"
    return ""


def compared(first, second):
    """(images on which the first alone is right, the second alone, on which both answer the same,
    all images) of two runs for which `why_not` says nothing."""
    label = first.run.predictions["label"]
    answers = [one.run.predictions["student"].argmax(-1) for one in (first, second)]
    right = [answer == label for answer in answers]
    only = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    return *only, int((answers[0] == answers[1]).sum()), len(label)


def is_likely(only_first, only_second):
    """Whether two students differ by more than chance: in the test of McNemar."""
    return intervals.paired_test(only_first, only_second) < LIKELY


def probability(value):
    """0.0123 -> "0.012"; below a thousandth "< 0.001"."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _row(first, second):
    only_first, only_second, same, count = compared(first, second)
    interval = intervals.paired_interval(only_first, only_second, count)
    likely = is_likely(only_first, only_second)
    leader = first if only_first > only_second else second
    return {
        "first": first,
        "second": second,
        "only": (only_first, only_second),
        "same": same / count,
        "difference": words.points((only_first - only_second) / count),
        "interval": gains.between(interval),
        "chance": probability(intervals.paired_test(only_first, only_second)),
        "verdict": f"{leader.label} is better" if likely else "may be chance",
        "tone": "good" if likely else "",
    }


def _test_images(one):
    """What a run was tested on, in words."""
    split = section(one.report, "data").get("eval_split")
    return " ".join(str(part) for part in (one.report.get("dataset"), split) if part)


def _note(rows):
    if not rows:
        return ""
    text = (
        "Only images on which one of two students is right and the other wrong tell them apart "
        "(McNemar's test, exact). The probability is how often two equally good students would "
        "differ at least as much"
    )
    if len(rows) > 1:
        text += f"; of {len(rows)} such tests, about one in twenty falls below 0.05 for nothing"
    return f"{text}."
