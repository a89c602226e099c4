"""`python -m keras_kd.methods`: the table of methods, read from their docstrings.

They stand by the survey's map: who teaches (a fixed teacher, networks that learn together, the
network itself, what it was before), then what is transferred.
"""

import re
import textwrap

from keras_kd.methods import METHODS
from keras_kd.methods.base import snake_case

COLUMNS = ("method", "knowledge", "paper", "needs")
WIDTHS = (27, 9, 46, 41)
TOLD = {
    "offline": "a teacher that has learned already, or none",
    "online": "networks that learn together teach each other",
    "self": "a network teaches itself",
    "lifelong": "what a network was before it learned new classes teaches what it becomes",
    "adversarial": "a teacher that has learned already, and a critic beside the student",
    "data-free": "a teacher that has learned already, and no image: a network makes them",
}


def rows():
    """One dict for each method with the columns above and its `scheme`, by scheme, by kind of
    knowledge, then by name."""
    found = [
        {"method": snake_case(name), "scheme": cls.scheme, **_read(cls.__doc__)}
        for name, cls in METHODS.items()
    ]
    kinds = ("response", "feature", "relation")
    return sorted(
        found,
        key=lambda row: (
            list(TOLD).index(row["scheme"]),
            kinds.index(row["knowledge"]),
            row["method"],
        ),
    )


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
    lines, scheme = [_line(COLUMNS), "  ".join("-" * width for width in WIDTHS)], None
    for row in rows():
        if row["scheme"] != scheme:
            scheme = row["scheme"]
            lines += ["", f"{scheme}: {TOLD[scheme]}"]
        cells = [textwrap.wrap(row[name], width) for name, width in zip(COLUMNS, WIDTHS)]
        for i in range(max(map(len, cells))):
            lines.append(_line([cell[i] if i < len(cell) else "" for cell in cells]))
    return "\n".join(lines)


def _line(cells):
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS)).rstrip()


if __name__ == "__main__":
    print(table())
