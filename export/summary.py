"""The run in one plain-text table, for the terminal."""

from keras_kd.export import formats, gains
from keras_kd.export.facts import section, stages_of
from keras_kd.export.format import agrees
from keras_kd.run.workdir import existing_workdir
from keras_kd.utils import words
from keras_kd.utils.files import read_json
from keras_kd.utils.tables import text_table

HEADER = ("", "accuracy", "95 % interval", "agreement", "parameters", "bytes", "latency")


def summary_table(workdir):
    """Every stage by its name, then each export, as an aligned text table.

    Agreement is with the teacher for stages and with the Keras student for exports.

    Args:
        workdir: the folder that keras-kd-train wrote; its `report.json` may be incomplete.

    Returns:
        The table as a str of several lines, without a last line break.

    Raises:
        ValueError: no such folder, or a `report.json` that is damaged.
    """
    report = read_json(existing_workdir(workdir) / "report.json", {})
    exports = {name: section(report["exports"], name) for name in section(report, "exports")}
    images = section(report, "data").get("test_images")
    rows = [
        _row(stage.label, stage.facts, "agreement", images)
        for stage in stages_of(report)
        if stage.facts
    ]
    rows += [_row(name + _star(facts), facts, "agreement_with_keras", facts.get("examples", images))
             for name, facts in exports.items() if facts]  # fmt: skip
    if not rows:
        return "Nothing has been measured in this working directory yet."
    lines = [text_table(HEADER, rows)]
    for name, facts in exports.items():
        if _star(facts):
            lines += [f"{name}: {remark}" for remark in formats.of_name(name).remarks(facts)]
    return "\n".join(lines)


def _star(facts):
    """Marks a file that is not all that its format promises, or not the student."""
    return " *" if facts.get("fallback") or not agrees(facts) else ""


def _row(name, facts, agreement, images):
    interval = gains.accuracy_interval(facts.get("accuracy"), images)
    return (
        name,
        words.percent(facts.get("accuracy")),
        gains.shares(interval),
        words.percent(facts.get(agreement)),
        words.count(facts.get("parameters")),
        words.count(facts.get("bytes")),
        words.milliseconds(facts.get("latency_ms")),
    )
