"""Kinds of files that a student can become: one a module, found by itself.

Convention: a module defines one subclass of `keras_kd.export.format.Format`; its file's name is
the format's. Nothing lists them: deleting a file and its test takes the format away, and a new
file is in the command's help, the report and the contract test.
"""

import importlib
import inspect
import pkgutil

from keras_kd.export.format import Format
from keras_kd.utils.names import nearest

ALL = "all"


def found():
    """Every format by name, in the order of tables."""
    formats = [_load(info.name) for info in pkgutil.iter_modules(__path__)]
    return {one.name: one for one in sorted(formats, key=lambda one: (one.order, one.name))}


def get(name):
    """A format by its name.

    Raises:
        ValueError: there is none; the message lists those there are, and the nearest.
    """
    known = found()
    if name not in known:
        raise ValueError(
            f"Expected a format among {', '.join(known)}. "
            f"Received: format={name!r}.{nearest(name, known)}"
        )
    return known[name]


def check_formats(formats=None):
    """The names of the formats to write, each once; refuses what cannot be written.

    Args:
        formats: names; "all", or None instead of any, stands for all that are written by default.

    Returns:
        list of str.

    Raises:
        ValueError: an unknown name, with the known ones and the nearest; or a format whose
            libraries are not installed, with how to install them.
    """
    chosen = {}
    for name in (ALL,) if formats is None else formats:
        if name == ALL:
            chosen |= {one.name: one for one in found().values() if one.by_default}
        else:
            chosen[name] = get(name)
    for one in chosen.values():
        one.check_installed()
    return list(chosen)


def of_path(path):
    """The format of a file or folder, or None where it is of no kind that is known.

    Several formats may share a runner: then it is the first of them.
    """
    return next((one for one in found().values() if one.opens(path)), None)


def of_name(name):
    """A format for the report: a name that is not known any more has nothing to tell."""
    return found().get(name) or Format()


def _load(name):
    module = importlib.import_module(f"{__name__}.{name}")
    own = [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Format) and kind.__module__ == module.__name__
    ]
    if len(own) != 1:
        raise TypeError(
            "A module of formats defines one subclass of Format. Received: "
            f"{module.__name__} with {len(own)}. Move what is shared out of the folder."
        )
    format = own[0]()
    format.name = name
    return format
