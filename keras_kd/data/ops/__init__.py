"""What can happen to an image: one op a file, found by itself.

Nothing lists the ops: every file of this folder that holds a subclass of a kind (see
`keras_kd.data.ops.base`) is one, usable in a view's text under the file's name, and picked up by
the contract tests. The functions that make boxes are here for those who crop by themselves.
"""

import importlib
import inspect
import pkgutil

from keras_kd.data.ops.base import Op
from keras_kd.data.ops.central_crop import central_boxes, check_scale
from keras_kd.data.ops.whole_image import full_boxes


def _find():
    found = {}
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        for value in vars(module).values():
            if inspect.isclass(value) and issubclass(value, Op) and value.name == module_info.name:
                found[value.name] = value
    return found


OPS = _find()
__all__ = ["OPS", "central_boxes", "check_scale", "full_boxes"]
