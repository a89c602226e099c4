"""The few pieces of HTML that all sections of the report share.

Every text that comes from outside goes through `text`, which escapes it.
"""

import html

from keras_kd.export import words


def text(value):
    """Escaped text for HTML, inside elements and attributes."""
    return html.escape(str(value), quote=True)


def section_of(title, body, note="", long=False):
    note = f'<p class="note">{text(note)}</p>' if note else ""
    kind = ' class="long"' if long else ""
    return f"<section{kind}><h2>{text(title)}</h2>{note}{body}</section>"


def table(head, rows):
    cells = "".join(f'<th scope="col">{text(cell)}</th>' for cell in head)
    body = "\n".join(rows)
    return (
        f'<div class="scroll"><table><thead><tr>{cells}</tr></thead>'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def bar(label, value, most):
    if not words.is_number(value) or not most:
        return label
    width = f"{100 * value / most:.1f}%"
    return f'<span class="track">{label}<span class="bar" style="width:{width}"></span></span>'
