"""The run in one plain-text table, for the terminal."""

from keras_kd.export import words
from keras_kd.export.words import section
from keras_kd.run.workdir import existing_workdir
from keras_kd.utils.files import read_json

MODELS = ("teacher", "baseline", "student")
HEADER = ("", "accuracy", "agreement", "parameters", "bytes", "latency")


def summary_table(workdir):
    """Teacher, baseline and student, then each export, as an aligned text table.

    Agreement is with the teacher for models and with the Keras student for exports.

    Args:
        workdir: the folder that keras-kd-train wrote; its `report.json` may be incomplete.

    Returns:
        The table as a str of several lines, without a last line break.

    Raises:
        ValueError: no such folder, or a `report.json` that is damaged.
    """
    report = read_json(existing_workdir(workdir) / "report.json", {})
    rows = [_model_row(name, report) for name in MODELS if section(report, name)]
    exports = section(report, "exports")
    rows += [_export_row(name, exports[name]) for name in exports if section(exports, name)]
    if not rows:
        return "Nothing has been measured in this working directory yet."
    widths = [max(map(len, column)) for column in zip(HEADER, *rows)]
    lines = [_line(HEADER, widths), "  ".join("-" * width for width in widths)]
    lines += [_line(row, widths) for row in rows]
    kept = [name for name in exports if section(exports, name).get("fallback")]
    lines += [f"{name}: {exports[name]['fallback']}" for name in kept]
    return "\n".join(lines)


def _line(cells, widths):
    first, *rest = (
        cell.rjust(width) if index else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(cells, widths))
    )
    return "  ".join([first, *rest]).rstrip()


def _model_row(name, report):
    entry = report[name]
    # The baseline is the student's own network, trained without the teacher.
    parameters = entry.get("parameters")
    if parameters is None and name == "baseline":
        parameters = section(report, "student").get("parameters")
    agreement = section(report, "fidelity").get("agreement") if name == "student" else None
    return (
        name,
        words.percent(entry.get("accuracy")),
        words.percent(agreement),
        words.count(parameters),
        words.count(entry.get("bytes")),
        words.milliseconds(entry.get("latency_ms")),
    )


def _export_row(name, entry):
    return (
        name + (" *" if entry.get("fallback") else ""),
        words.percent(entry.get("accuracy")),
        words.percent(entry.get("agreement_with_keras")),
        words.DASH,
        words.count(entry.get("bytes")),
        words.milliseconds(entry.get("latency_ms")),
    )
