"""A run as a whole: from a config and a working directory to a finished student.

Names load on first use, so that a command can refuse a mistake before TensorFlow is there.
"""

import importlib

_HOME = {"Experiment": "experiment", "Finished": "finished", "run": "story", "preview": "story"}
__all__ = [*_HOME]


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
