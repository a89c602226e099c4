"""`python -m keras_kd.methods`: the table of methods, read from their docstrings."""

import re
import textwrap

from keras_kd.methods import METHODS
from keras_kd.methods.base import snake_case

COLUMNS = ("method", "knowledge", "paper", "needs")
WIDTHS = (24, 9, 46, 44)


def rows():
    """One dict for each method with the columns above, by kind of knowledge, then by name."""
    found = [{"method": snake_case(name), **_read(cls.__doc__)} for name, cls in METHODS.items()]
    order = ("response", "feature", "relation")
    return sorted(found, key=lambda row: (order.index(row["knowledge"]), row["method"]))


def _read(docstring):
    text = " ".join(docstring.split())
    parts = re.search(
        r"Knowledge: (?P<knowledge>\w+)\. Needs: (?P<needs>.*?)\. "
        r"Paper: (?P<paper>.*?arXiv (?:\d{4}\.\d{5}|\d{4}\.\d{4}|version\)))",
        text,
    )
    return parts.groupdict()


def table():
    """The table as text."""
    lines = [_line(COLUMNS), "  ".join("-" * width for width in WIDTHS)]
    for row in rows():
        cells = [textwrap.wrap(row[name], width) for name, width in zip(COLUMNS, WIDTHS)]
        for i in range(max(map(len, cells))):
            lines.append(_line([cell[i] if i < len(cell) else "" for cell in cells]))
    return "\n".join(lines)


def _line(cells):
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS)).rstrip()


if __name__ == "__main__":
    print(table())
