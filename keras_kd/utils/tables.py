"""Text tables for the terminal."""


def text_table(header, rows):
    """Aligned columns: the first to the left, the others, of numbers, to the right.

    Args:
        header: a str for each column.
        rows: iterable of sequences of as many str.

    Returns:
        str of several lines, without a last line break.
    """
    lines = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(_line(cells, widths) for cells in lines)


def _line(cells, widths):
    first, *rest = zip(cells, widths)
    aligned = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
    return "  ".join(aligned).rstrip()
