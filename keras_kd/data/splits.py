"""The split syntax of TFDS, for every source: `train`, `train[:90%]`, `train[5:10]`, `a+b`."""

import re

from keras_kd.utils.names import nearest

_PART = re.compile(r"^(?P<name>\w+)(\[(?P<start>-?\d+%?)?:(?P<stop>-?\d+%?)?\])?$")


def resolve_split(spec, counts):
    """Turns a split expression into ranges of example positions.

    Percentages round to the closest example, as in TFDS, so `train[:90%]` and `train[90%:]`
    together hold every example once.

    Args:
        spec: split expression, such as `"train[10%:20%]+test"`.
        counts: dict of split name -> number of examples.

    Returns:
        List of `(split name, start, stop)` with `0 <= start < stop <= counts[name]`.

    Raises:
        ValueError: if the expression cannot be read, names an unknown split, or selects nothing.
    """
    if not isinstance(spec, str) or not spec.strip():
        raise ValueError(
            "A split must be a non-empty string such as 'train' or 'train[:90%]'. "
            f"Received: split={spec!r}"
        )
    parts = [_resolve_part(part.strip(), spec, counts) for part in spec.split("+")]
    parts = [part for part in parts if part[1] < part[2]]
    if not parts:
        sizes = ", ".join(f"{name}={count}" for name, count in counts.items())
        raise ValueError(
            f"The split selects no images. Received: split={spec!r}; "
            f"the source holds {sizes or 'nothing'}. Choose a wider range or another split."
        )
    return parts


def _resolve_part(part, spec, counts):
    match = _PART.match(part)
    if match is None:
        raise ValueError(
            "A split must look like 'train', 'train[:90%]', 'train[10:200]' or 'train+test'. "
            f"Received: split={spec!r}"
        )
    name = match["name"]
    if name not in counts:
        raise ValueError(
            f"The source has the splits {sorted(counts)}. Received: split={spec!r}."
            f"{nearest(name, counts)}"
        )
    count = counts[name]
    return name, _bound(match["start"], 0, count, spec), _bound(match["stop"], count, count, spec)


def _bound(text, default, count, spec):
    """One end of a slice as a position; negative numbers count from the end, as in Python."""
    if text is None:
        return default
    if not text.endswith("%"):
        value = int(text)
    else:
        percent = int(text[:-1])
        if abs(percent) > 100:
            raise ValueError(
                f"A percentage in a split must lie in [-100, 100]. Received: split={spec!r}"
            )
        value = round(percent * count / 100.0)  # The very expression of TFDS.
    return min(max(value + count if text.startswith("-") else value, 0), count)
