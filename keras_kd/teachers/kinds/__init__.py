"""Kinds of handles that lead to a teacher: one a module, found by itself.

Convention: a module defines one subclass of `keras_kd.teachers.kind.Kind`. Nothing lists them:
deleting a file and its test takes the kind away, and a new one is in the errors, in dry runs and
wherever a handle is taken.
"""

import importlib
import inspect
import pkgutil
from pathlib import Path

from keras_kd.teachers.kind import Kind


def _find():
    names = [info.name for info in pkgutil.iter_modules(__path__)]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    kinds = [
        kind()
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Kind) and kind.__module__ == module.__name__
    ]
    return sorted(kinds, key=lambda kind: kind.order)


KINDS = tuple(_find())
*_FIRST, _LAST = ["a Keras model", *(kind.words for kind in KINDS)]
WORDS = f"{', '.join(_FIRST)}, or {_LAST}"


def find(handle):
    """The `Kind` of a handle; None where no kind owns it."""
    return next((kind for kind in KINDS if kind.owns(handle)), None)


def get(handle):
    """The `Kind` of a handle.

    Args:
        handle: str or `pathlib.Path`.

    Returns:
        (kind, handle as a str).

    Raises:
        ValueError: no handle at all, an unknown scheme, or a path at which nothing is.
    """
    text = str(handle) if isinstance(handle, Path) else handle
    if not isinstance(text, str) or not text:
        raise ValueError(f"handle must be {WORDS}. Received: handle={handle!r}.")
    kind = find(text)
    if kind is not None:
        return kind, text
    scheme = text.split(":", 1)[0]
    # One letter and a colon is a drive, not a scheme.
    if ":" in text and len(scheme) > 1:
        raise ValueError(
            f"handle must be {WORDS}. Received: handle={text!r} with the unknown scheme "
            f"{scheme + ':'!r}."
        )
    raise ValueError(
        f"handle must be {WORDS}. Received: handle={text!r}, which is not there. "
        "Check the path, or train a teacher first."
    )


def builder(handle, num_classes=None):
    """The network of a handle with random weights, see `Kind.builder`; None for any other text."""
    kind = find(handle) if handle else None
    return None if kind is None else kind.builder(handle, num_classes)
