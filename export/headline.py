"""What came out, in plain English."""

from keras_kd.export import formats, gains
from keras_kd.export.facts import BASELINE, TEACHER, section, teacher_of
from keras_kd.export.format import agrees
from keras_kd.utils import words


def headline(report):
    """One or two sentences from a `report.json`, however much of it there is. Plain text."""
    teacher, student = section(report, "teacher"), section(report, "student")
    who = teacher_of(report)
    accuracy, reference = student.get("accuracy"), teacher.get("accuracy")
    share = words.fraction(student.get("parameters"), teacher.get("parameters"))
    with_share = f" with {share} of its parameters" if share else ""
    if not words.is_number(accuracy):
        if words.is_number(reference):
            return f"The teacher reaches {words.percent(reference)}; the student is not done yet."
        return "This run has not been evaluated yet."
    if not words.is_number(reference) or reference <= 0:
        text = f"The student reaches {words.percent(accuracy)} accuracy"
    elif accuracy > reference:
        beats = gains.is_sure(gains.lead(report, TEACHER)) is not False
        is_better = "beats" if beats else "is as accurate, within what chance allows, as"
        text = (
            f"The student {is_better} its {who}, {words.percent(accuracy)} against "
            f"{words.percent(reference)}{with_share}"
        )
    elif accuracy == reference:
        text = f"The student is exactly as accurate as its {who}{with_share}"
    else:
        # Rounded down: 99.96 % must not read as all of it.
        kept = int(1000 * accuracy / reference) / 10
        text = f"The student keeps {kept:.1f} % of the {who}'s accuracy{with_share}"
    return f"{text}.{_versus_baseline(report)}{_on_a_device(report)}{_disagreeing(report)}"


def smallest_export(report):
    """(format, entry) of the file to show off, or None without any: the smallest, integers first.

    A file of integers throughout runs on every device, even where another is a little smaller. One
    that often answers unlike the Keras student is nothing to show.
    """
    files = {
        name: entry
        for name, entry in device_files(report).items()
        if words.is_number(entry.get("bytes")) and agrees(entry)
    }
    if not files:
        return None
    name = min(files, key=lambda key: (not files[key].get("fully_quantized"), files[key]["bytes"]))
    return name, files[name]


def device_files(report):
    """The files for devices, by format."""
    return {
        name: entry
        for name, entry in section(report, "exports").items()
        if isinstance(entry, dict) and formats.of_name(name).on_device
    }


def _versus_baseline(report):
    found = gains.lead(report, BASELINE)
    if found is None:
        return ""
    difference, interval = found
    points = 100 * difference
    if abs(points) < 0.005:
        return " The same network trained on labels alone does just as well."
    text = (
        f" That is {abs(points):.2f} points {'more' if points > 0 else 'less'} than the same "
        "network trained on labels alone"
    )
    if interval is None:
        return f"{text}."
    chance = "" if gains.is_sure(found) else ", which may be chance"
    return f"{text}{chance} (95 % interval {gains.between(interval)} points)."


def _on_a_device(report):
    chosen = smallest_export(report)
    if chosen is None:
        return ""
    name, entry = chosen
    text = f" Its {name} file weighs {words.size(entry['bytes'])}"
    if words.is_number(entry.get("latency_ms")):
        text += f" and takes {words.milliseconds(entry['latency_ms'])} an image"
    return text + "."


def _disagreeing(report):
    """Files that may not be taken for the student, each by a sentence."""
    found = {name: entry for name, entry in device_files(report).items() if not agrees(entry)}
    return "".join(
        f" Its {name} file answers like it on only {words.percent(entry['agreement_with_keras'])} "
        "of the test images."
        for name, entry in found.items()
    )
