"""Image ops as text: "inception_crop(0.05,1)|flip" is a list of two ops with their parameters."""

import dataclasses
import re

from keras_kd.data.ops import OPS
from keras_kd.utils.names import nearest

_OP = re.compile(r"\s*(\w+)\s*(?:\(([^()|]*)\)|:([^():|]+))?\s*")


def parse(text, name):
    """The ops of a text, in order.

    Args:
        text: ops by name, separated by `|`, each with none, some or all of its parameters in
            brackets, or behind a colon: numbers or quotients of two, such as `8/7`, separated by
            commas.
        name: of the argument or config key that holds the text, for messages.

    Returns:
        list of `keras_kd.data.ops.base.Op`.

    Raises:
        ValueError: no such op, or parameters that it does not take.
    """
    received = f"Received: {name}={text!r}."
    if not isinstance(text, str) or not text.strip():
        raise ValueError(
            f"{name} must be a text such as 'inception_crop(0.05,1)|flip'. {received} "
            f"Ops are: {', '.join(OPS)}."
        )
    found = []
    for part in text.split("|"):
        match = _OP.fullmatch(part)
        if match is None:
            raise ValueError(
                f"{name} must be ops separated by '|', such as 'inception_crop(0.05,1)|flip'. "
                f"{received} Not an op: {part.strip()!r}."
            )
        found.append(_op(match[1], match[2] or match[3], name, received))
    return found


def _op(kind, arguments, name, received):
    if kind not in OPS:
        raise ValueError(
            f"{name} must be made of the ops {', '.join(OPS)}. {received}{nearest(kind, OPS)}"
        )
    parameters = dataclasses.fields(OPS[kind])
    given = arguments.split(",") if arguments and arguments.strip() else []
    if len(given) > len(parameters):
        takes = ", ".join(f"{field.name}: {field.metadata['what']}" for field in parameters)
        raise ValueError(
            f"{name}: {kind} takes at most {len(parameters)} parameters ({takes or 'none'}). "
            f"{received}"
        )
    try:
        return OPS[kind](*map(_number, given))
    except ValueError as error:
        raise ValueError(f"{name}: {error}. {received}") from error


def _number(text):
    """A float of "0.05" or "8/7"; what is none stays as it is, for the op to refuse."""
    above, slash, below = text.partition("/")
    try:
        return float(above) / float(below) if slash else float(text)
    except (ValueError, ZeroDivisionError):
        return text.strip()
