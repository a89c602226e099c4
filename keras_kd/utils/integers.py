"""Whole numbers as arguments: the one check of them."""


def is_integer(value, least=1):
    """Whether a value is a whole number of at least `least`; NumPy's count, bools do not."""
    return not isinstance(value, bool) and hasattr(value, "__index__") and value >= least


def check_integer(name, value, least=1, advice=""):
    """Refuses what is no whole number of at least `least`.

    Args:
        name: of the argument.
        value: what was given.
        least: the smallest that is allowed.
        advice: a sentence to end the error with.

    Raises:
        ValueError: names the argument, what was received and what is expected.
    """
    if not is_integer(value, least):
        text = f"{name} must be a whole number of at least {least}. Received: {name}={value!r}."
        raise ValueError(f"{text} {advice}".rstrip())
