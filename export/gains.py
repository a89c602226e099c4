"""What a report knows of the student's lead over its teacher or the baseline, and how surely."""

from keras_kd.evaluation import intervals
from keras_kd.export.facts import section
from keras_kd.utils import words


def accuracy_interval(accuracy, images):
    """The 95 % interval of an accuracy, (low, high), or None where something is not known.

    Args:
        accuracy: share in [0, 1].
        images: how many were answered.
    """
    if not (words.is_number(accuracy) and words.is_number(images)) or images < 1:
        return None
    return intervals.accuracy_interval(min(max(round(accuracy * images), 0), images), int(images))


def lead(report, role):
    """The student's accuracy less another's, with its 95 % interval.

    Of the same images where the report counts those on which one of the two alone is right.

    Args:
        report: what `report.json` holds.
        role: "teacher" or "baseline".

    Returns:
        (difference, (low, high)); (difference, None) where no number of images is known, and None
        where an accuracy is missing.
    """
    student = section(report, "student").get("accuracy")
    other = section(report, role).get("accuracy")
    if not (words.is_number(student) and words.is_number(other)):
        return None
    images = section(report, "data").get("test_images")
    if not words.is_number(images) or images < 1:
        return student - other, None
    paired = section(report, "paired").get(role)
    if paired:
        return student - other, intervals.paired_interval(*paired, images)
    right = [round(accuracy * images) for accuracy in (student, other)]
    return student - other, intervals.unpaired_interval(*right, images)


def is_sure(found):
    """Whether a lead, as `lead` gives it, is more than chance; None where that is not known."""
    _, interval = found
    return None if interval is None else intervals.is_apart(interval)


def between(interval):
    """ "+0.10 to +1.20": the interval of a difference in percentage points."""
    return " to ".join(map(words.points, interval))


def shares(interval):
    """ "98.0 to 99.5 %": the interval of an accuracy, a dash where it is not known."""
    if interval is None:
        return words.DASH
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"
