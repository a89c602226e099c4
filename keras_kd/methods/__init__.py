"""What is matched: one method a file, found by itself.

Convention: a module holds its pure loss functions first, then one registered `Method` subclass
whose docstring names the kind of knowledge, what it needs and the paper. Nothing lists the
methods: every subclass in this folder that can be called is exported here, usable from a config
under its name in snake case, picked up by the contract tests, and listed by
`python -m keras_kd.methods`. One whose name begins with an underscore is only brought by another.
"""

import importlib
import inspect
import pkgutil
import re

from keras_kd.methods.base import Method, snake_case
from keras_kd.methods.phases import Phase
from keras_kd.utils.names import nearest


def _find():
    found = {}
    for module_info in pkgutil.iter_modules(__path__):
        if module_info.name == "__main__":
            continue
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        for name, value in inspect.getmembers(module, inspect.isclass):
            own = not name.startswith("_")  # else it is the companion of another
            if own and issubclass(value, Method) and value.call is not Method.call:
                found[name] = value
    return found


METHODS = _find()
globals().update(METHODS)
__all__ = ["METHODS", "Method", "Phase", "get", *METHODS]


def get(name, /, **kwargs):
    """Makes a method by its name.

    Args:
        name: class name (`SoftTargets`) or its snake case (`soft_targets`). What follows a colon
            tells several of a kind apart: `crd:2` is a `CRD` whose own name is `crd_2`.
        **kwargs: the method's arguments.

    Returns:
        a `Method`.

    Raises:
        ValueError: an unknown name, or an argument that the method does not have.
    """
    by_name = {snake_case(cls): method for cls, method in METHODS.items()}
    kind, colon, suffix = str(name).partition(":")
    key = snake_case(kind) if isinstance(name, str) else None
    if key not in by_name:
        raise ValueError(
            f"A method must be one of {', '.join(sorted(by_name))}. "
            f"Received: name={name!r}.{nearest(kind, by_name)}"
        )
    if colon and not re.fullmatch(r"\w+", suffix):
        raise ValueError(
            "What follows the colon of a method's name must be letters, digits or underscores. "
            f"Received: name={name!r}. Write for example {key + ':2'!r}."
        )
    if suffix:
        kwargs.setdefault("name", f"{key}_{suffix}")
    method = by_name[key]
    classes = [cls for cls in method.__mro__ if issubclass(cls, Method)]
    known = {name for cls in classes for name in inspect.signature(cls).parameters} - {"kwargs"}
    unknown = [argument for argument in kwargs if argument not in known]
    if unknown:
        raise ValueError(
            f"{method.__name__} takes {', '.join(sorted(known))}. "
            f"Received: {', '.join(unknown)}.{nearest(unknown[0], known)}"
        )
    return method(**kwargs)
