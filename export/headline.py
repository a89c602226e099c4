"""What came out, in plain English."""

from keras_kd.export import formats
from keras_kd.export.facts import section, teacher_of
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
        text = (
            f"The student beats its {who}, {words.percent(accuracy)} against "
            f"{words.percent(reference)}{with_share}"
        )
    elif accuracy == reference:
        text = f"The student is exactly as accurate as its {who}{with_share}"
    else:
        # Rounded down: 99.96 % must not read as all of it.
        kept = int(1000 * accuracy / reference) / 10
        text = f"The student keeps {kept:.1f} % of the {who}'s accuracy{with_share}"
    return f"{text}.{_versus_baseline(report)}{_on_a_device(report)}"


def smallest_export(report):
    """(format, entry) of the file to show off, or None without any: the smallest, integers first.

    A file of integers throughout runs on every device, even where another is a little smaller.
    """
    files = {
        name: entry
        for name, entry in section(report, "exports").items()
        if formats.of_name(name).on_device
        and isinstance(entry, dict)
        and words.is_number(entry.get("bytes"))
    }
    if not files:
        return None
    name = min(files, key=lambda key: (not files[key].get("fully_quantized"), files[key]["bytes"]))
    return name, files[name]


def _versus_baseline(report):
    student = section(report, "student").get("accuracy")
    baseline = section(report, "baseline").get("accuracy")
    if not words.is_number(baseline):
        return ""
    points = 100 * (student - baseline)
    if abs(points) < 0.005:
        return " The same network trained on labels alone does just as well."
    return (
        f" That is {abs(points):.2f} points {'more' if points > 0 else 'less'} than the same "
        "network trained on labels alone."
    )


def _on_a_device(report):
    chosen = smallest_export(report)
    if chosen is None:
        return ""
    name, entry = chosen
    text = f" Its {name} file weighs {words.size(entry['bytes'])}"
    if words.is_number(entry.get("latency_ms")):
        text += f" and takes {words.milliseconds(entry['latency_ms'])} an image"
    return text + "."
