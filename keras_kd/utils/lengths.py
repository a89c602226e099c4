"""Lengths of time: steps, epochs, examples, or a percentage of the whole."""

import math
import re

UNITS = ("steps", "epochs", "examples", "percent")


def steps(length, *, batch_size, num_examples, total=None):
    """Turns a length of time into steps.

    Args:
        length: "500 steps", "60 epochs", "50000 examples", "5 percent" (or "5%") of `total`; a
            bare number counts steps.
        batch_size: examples a step.
        num_examples: examples an epoch.
        total: steps of the whole, for percentages.

    Returns:
        int, at least 0, rounded up.

    Raises:
        ValueError: not a length, or a percentage of nothing.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%|[a-z]+)?\s*", str(length).lower())
    unit = {None: "steps", "%": "percent"}.get(match[2], match[2]) if match else None
    unit = next((known for known in UNITS if unit in (known, known.rstrip("s"))), None)
    if unit is None or (unit == "percent" and total is None):
        raise ValueError(
            f"A length is a number and one of {', '.join(UNITS if total else UNITS[:3])}. "
            f"Received: {length!r}. Write for example '500 steps' or '20 epochs'."
        )
    amount = float(match[1])
    per_unit = {
        "steps": 1.0,
        "epochs": num_examples / batch_size,
        "examples": 1.0 / batch_size,
        "percent": (total or 0) / 100.0,
    }
    return math.ceil(amount * per_unit[unit] - 1e-9)
