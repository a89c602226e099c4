"""Checks of the methods' numbers: each returns what it was given, or says what was wrong."""

from keras_kd.utils.integers import check_integer


def positive(**values):
    """Floats that must be finite and above 0.

    Returns:
        the float, or a tuple of them in the order given.

    Raises:
        ValueError: names the first value that is not.
    """
    return _checked("above 0", lambda value: value > 0, values)


def not_negative(**values):
    """As `positive`, but 0 is allowed."""
    return at_least(0, **values)


def at_least(least, /, **values):
    """As `positive`, for floats of at least `least`."""
    return _checked(f"of at least {least}", lambda value: value >= least, values)


def integer(least=1, **values):
    """As `positive`, for ints of at least `least`."""
    for name, value in values.items():
        check_integer(name, value, least)
    return _one_or_all([int(value) for value in values.values()])


def boolean(**values):
    """As `positive`, for bools."""
    for name, value in values.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be True or False. Received: {name}={value!r}.")
    return _one_or_all(list(values.values()))


def class_list(count=None, /, **values):
    """As `positive`, for indices of some classes, in order: a list of ints; None or empty: None.

    Args:
        count: number of all classes; None while it is not known.
    """
    ((name, value),) = values.items()
    if value is None or len(value) == 0:
        return None
    found = sorted(set(map(int, value)))
    if found != sorted(value) or found[0] < 0 or found[-1] >= (count or float("inf")):
        bound = "" if count is None else f" up to {count - 1}"
        raise ValueError(
            f"{name} must be indices of classes from 0{bound}, each once. Received: "
            f"{name}={list(value)!r}."
        )
    return found


def number(value):
    """The float that a number stands for; NaN, which no bound lets through, for all else."""
    try:
        return float("nan") if isinstance(value, str | bytes | bool) else float(value)
    except (TypeError, ValueError):
        return float("nan")


def _checked(bound, holds, values):
    for name, value in values.items():
        if not (holds(number(value)) and number(value) < float("inf")):
            raise ValueError(f"{name} must be a finite number {bound}. Received: {name}={value!r}.")
    return _one_or_all([float(value) for value in values.values()])


def _one_or_all(values):
    return values[0] if len(values) == 1 else tuple(values)
