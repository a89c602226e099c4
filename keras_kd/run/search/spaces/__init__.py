"""What a search may propose, a file for each builder or wrapper of `keras_kd.models`.

Convention: a module of the builder's name has `LEAST_SIDE`, the smallest side of its images in
pixels, and `draw(trial, given)`, which returns the builder's arguments. `trial` has Optuna's
`suggest_categorical`, `suggest_float` and `suggest_int`; names begin with the builder's. `given` is
a `Given`. Nothing lists them: deleting a file takes the space away.
"""

import importlib
import pkgutil
from collections.abc import Callable
from typing import NamedTuple

from keras_kd.utils.names import nearest


class Given(NamedTuple):
    """What a space may look at.

    Attributes:
        kwargs: dict of the builder's arguments in the config, which stay unless they are drawn;
            empty where the config names another builder.
        teacher: function without arguments that gives the first teacher, a Keras model.
    """

    kwargs: dict
    teacher: Callable


def names():
    """Those that have a space, sorted."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__))


def get(name):
    """The module of a space.

    Raises:
        ValueError: there is none of this name.
    """
    known = names()
    if name not in known:
        raise ValueError(
            f"--networks must be among {', '.join(known)}: they have a space to search. Received: "
            f"{name!r}.{nearest(str(name), known)}"
        )
    return importlib.import_module(f"{__name__}.{name}")
