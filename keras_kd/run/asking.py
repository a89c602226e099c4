"""What a refusal asks of the user, in keys of a config: functions know arguments alone."""

import contextlib
import re

OURS = "--config."  # a sentence with it names its key already


@contextlib.contextmanager
def named_by_keys(path, arguments, given=None):
    """Context in which a refusal also says which keys its arguments are, and how to write them.

    Args:
        path: of the section whose keys are those arguments, such as "student.model.kwargs".
        arguments: their names.
        given: where a config file need not have them all, dict of those that the section has: a
            flag changes only what the file has, so all of them are written at once.

    Raises:
        ValueError: the one raised in the block, whose text is longer then. What another library
            raised stays what it is: a refusal names an argument as all of ours do.
    """
    try:
        yield
    except ValueError as error:
        text, names = str(error), named_in(str(error), arguments)
        if names and OURS not in text:
            keys = ", ".join(f"config.{path}.{name}" for name in names)
            flags = [f"{OURS}{path}.{name}=..." for name in names]
            if given is not None:
                flags = [f'{OURS}{path}="{_all_at_once(given, names)}"']
            # The same error, and so where it comes from.
            error.args = (f"{text} That is {keys}; on the command line {' '.join(flags)}",)
        raise


def _all_at_once(given, names):
    values = {name: repr(value) for name, value in given.items()} | dict.fromkeys(names, "...")
    return f"{{{', '.join(f'{name!r}: {value}' for name, value in values.items())}}}"


def named_in(text, arguments):
    """Those of some arguments that a refusal is about, in their order in it.

    Args:
        text: "bytes must be .... Received: bytes=1. ...", as all refusals read.
        arguments: their names.
    """
    names = "|".join(map(re.escape, arguments))
    about = rf"^({names})\b|\b({names})(?:\[[^\]]*\])?=|\b(?=\w*_)({names})\b"
    found = (match[match.lastindex] for match in re.finditer(about, text) if names)
    return list(dict.fromkeys(found))
