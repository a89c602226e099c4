"""Mistakes of a user, told in a sentence, and bugs of ours, which are never told as such.

A mistake is an error that the package raised itself to say so, or that files, network or memory
raise whatever a program does. All else is a bug: also a ValueError of another library, which would
have got a sentence of its own, had anybody foreseen it.
"""

import importlib.metadata
import linecache
import os
import platform
import re
import sysconfig
from pathlib import Path

import keras_kd

PACKAGE = keras_kd.__name__
LIBRARIES = ("site-packages", "dist-packages")  # folders of whatever pip or a system installed
PYTHON = os.path.realpath(sysconfig.get_path("stdlib")) + os.sep
VERSIONS = ("tensorflow", "keras", "numpy")


def sentence(error):
    """What to tell the user, on a line; None where the error is a bug.

    Args:
        error: an exception with its traceback.
    """
    if isinstance(error, MemoryError):
        text = "There is not enough memory. Take a smaller batch, or smaller images"
    elif isinstance(error, OSError) or is_ours(type(error)) or is_refusal(error):
        text = str(error)
    else:
        text = _of_tensorflow(error)
    return text and " ".join(text.split())


def is_refusal(error):
    """Whether an exception refuses a value in the package's own words."""
    return isinstance(error, ValueError) and raised_by_us(error)


def bug_report(error):
    """What to tell of a bug, below its traceback."""
    versions = [f"Python {platform.python_version()}", platform.platform()]
    for name in VERSIONS:
        try:
            versions.insert(-1, f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:  # as part of another package
            continue
    return (
        f"this is a bug of keras-kd ({type(error).__name__}), not a mistake of yours. Please "
        f"report it with the traceback above and these versions: keras-kd "
        f"{keras_kd.__version__}, {', '.join(versions)}."
    )


def is_ours(what):
    """Whether a frame or a class is one of the package."""
    module = getattr(what, "__module__", None) or what.f_globals.get("__name__", "")
    if module == "__main__" and hasattr(what, "f_globals"):  # started with python -m
        module = getattr(what.f_globals.get("__spec__"), "name", "")
    return module.partition(".")[0] == PACKAGE


def is_library(frame):
    """Whether a frame's code was installed, so that no user wrote it."""
    name = frame.f_code.co_filename
    if name.startswith("<") or any(folder in Path(name).parts for folder in LIBRARIES):
        return True
    return os.path.realpath(name).startswith(PYTHON)


def raised_by_us(error):
    """Whether an exception came out of a `raise` of the package.

    Not one that a faulty call in the package met in Python or in another library.
    """
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None or not is_ours(last.tb_frame):
        return False
    frame = last.tb_frame
    line = linecache.getline(frame.f_code.co_filename, last.tb_lineno, frame.f_globals)
    return line.strip().startswith("raise ")


def _of_tensorflow(error):
    """What a user can mend of TensorFlow's errors at run time: memory, files, damaged images."""
    names = {base.__name__ for base in type(error).__mro__}
    if "OpError" not in names:
        return None
    text = " ".join(str(error.message).split())
    if "ResourceExhaustedError" in names:
        return (
            f"There is not enough memory on the device ({text[:200]}). Take a smaller batch, or "
            "smaller images."
        )
    gone = "NotFoundError" in names and "No such file" in text
    if gone or names & {"PermissionDeniedError", "DataLossError", "UnavailableError"}:
        return f"Data could not be read any more: {text[:300]}"
    if "InvalidArgumentError" in names and re.search(r"Decode\w*(Jpeg|Png|Bmp|Gif|Image)", text):
        return (
            f"An image could not be decoded: {text[:200]}. It was changed since it was scanned; "
            "start the same command again, which looks at all images anew."
        )
    return None
