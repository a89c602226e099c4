"""What `fidelity` found, in one plain-text table for the terminal."""

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
    cells = [["", *(COLUMNS[name] for name in columns)]]
    cells += [[label, *(_cell(name, row.get(name)) for name in columns)] for label, row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    first, *rest = (_line(row, widths) for row in cells)
    return "\n".join([first, "  ".join("-" * width for width in widths), *rest])


def _cell(name, value):
    if value is None:
        return ""
    return f"{100 * value:.2f} %" if name in PERCENT else f"{value:.4f}"


def _line(cells, widths):
    first, *rest = zip(cells, widths)
    aligned = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
    return "  ".join(aligned).rstrip()
