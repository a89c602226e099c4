"""Checks of the methods' numbers: each returns what it was given, or says what was wrong."""


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
    return _checked("of at least 0", lambda value: value >= 0, values)


def whole(least=1, **values):
    """As `positive`, for ints of at least `least`."""
    for name, value in values.items():
        if type(value) is not int or value < least:
            raise ValueError(
                f"{name} must be a whole number of at least {least}. Received: {name}={value!r}."
            )
    return _one_or_all(list(values.values()))


def _checked(bound, holds, values):
    for name, value in values.items():
        if not (holds(float(value)) and float(value) < float("inf")):
            raise ValueError(f"{name} must be a finite number {bound}. Received: {name}={value}.")
    return _one_or_all([float(value) for value in values.values()])


def _one_or_all(values):
    return values[0] if len(values) == 1 else tuple(values)
