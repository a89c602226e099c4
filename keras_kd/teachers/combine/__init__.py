"""What the answers of several teachers become: one combination a file, found by itself.

A module holds one registered subclass of `Combination`, usable from a config under the module's
name: `config.distil.combine.name = "confidence"`. Nothing lists them.
"""

import importlib
import inspect
import pkgutil

from keras_kd.teachers.combine.base import Combination
from keras_kd.utils.names import nearest


def _find():
    found = {}
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        for value in vars(module).values():
            own = inspect.isclass(value) and value.__module__ == module.__name__
            if own and issubclass(value, Combination) and value is not Combination:
                found[module_info.name] = value
    return found


COMBINATIONS = _find()
DEFAULT = "mean_probabilities"
__all__ = ["COMBINATIONS", "DEFAULT", "Combination", "get", "kind"]


def kind(name):
    """The class of a combination by its name.

    Raises:
        ValueError: an unknown name.
    """
    if name not in COMBINATIONS:
        raise ValueError(
            f"A combination must be one of {', '.join(COMBINATIONS)}. Received: name={name!r}."
            f"{nearest(str(name), COMBINATIONS)}"
        )
    return COMBINATIONS[name]


def get(name, count, known=None, num_classes=None, **kwargs):
    """Makes a combination by its name.

    Args:
        name: name of its module, such as "mean_probabilities".
        count: number of teachers.
        known: for each teacher the indices of the classes that it knows, or None for all; None
            where all know all.
        num_classes: number of classes; None while it is not known.
        **kwargs: the combination's arguments, such as `weights`.

    Returns:
        a `Combination`.

    Raises:
        ValueError: an unknown name or argument, or what the combination refuses.
    """
    cls = kind(name)
    taken = {*inspect.signature(cls).parameters} - {"kwargs", "known", "num_classes"}
    if unknown := [argument for argument in kwargs if argument not in taken]:
        raise ValueError(
            f"The combination {name!r} takes {', '.join(sorted(taken))}. Received: "
            f"{', '.join(unknown)}.{nearest(unknown[0], taken)}"
        )
    return cls.of(count, known, num_classes, **kwargs)
