"""What `fidelity` found, in one plain-text table for the terminal."""

from keras_kd.utils.tables import text_table
from keras_kd.utils.words import percent

COLUMNS = {
    "kl": "KL",
    "l2": "L2",
    "agreement": "agreement",
    "agreement_top5": "in top 5",
    "student_accuracy": "student",
    "teacher_accuracy": "teacher",
    "student_ece": "student ECE",
    "teacher_ece": "teacher ECE",
}
PERCENT = set(COLUMNS) - {"kl", "l2"}


def table(results):
    """A row for each step and, below it, one for each member of an ensemble.

    Args:
        results: list of dicts: `step` and what `keras_kd.evaluation.fidelity` returns.

    Returns:
        str of several lines, without a last line break; the lists by class are left out.
    """
    rows = []
    for result in results:
        rows.append((f"step {result['step']:,}", result))
        rows += [(f"  {name}", member) for name, member in result.get("members", {}).items()]
    columns = [name for name in COLUMNS if any(name in row for _, row in rows)]
    header = ["", *(COLUMNS[name] for name in columns)]
    cells = [[label, *(_cell(name, row.get(name)) for name in columns)] for label, row in rows]
    return text_table(header, cells)


def _cell(name, value):
    if value is None:
        return ""
    return percent(value) if name in PERCENT else f"{value:.4f}"
