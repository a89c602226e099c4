"""From a trained student to files for a device, and the report that tells how they compare.

Names load on first use, so importing the package costs nothing.
"""

import importlib

_HOME = {
    "to_saved_model": "saved_model",
    "to_tflite": "tflite",
    "verify": "by_path",
    "benchmark": "by_path",
    "export": "run",
    "check_formats": "formats",
    "render": "report",
    "summary_table": "summary",
    "Options": "options",
}

__all__ = [
    "Options",
    "benchmark",
    "check_formats",
    "export",
    "render",
    "summary_table",
    "to_saved_model",
    "to_tflite",
    "verify",
]


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__():
    return sorted([*globals(), *__all__])
