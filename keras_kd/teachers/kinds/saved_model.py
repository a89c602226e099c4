"""A folder with a SavedModel, which may record the values that it expects."""

from pathlib import Path

from keras_kd.models.hub import declared_side, load_module
from keras_kd.models.saved import recorded_range
from keras_kd.teachers.kind import Kind
from keras_kd.teachers.prepare import open_module


class SavedModel(Kind):
    """Every folder."""

    words = "a SavedModel folder"
    order = 91

    def owns(self, handle):
        return Path(handle).is_dir()

    def side(self, handle):
        try:
            return declared_side(load_module(handle))
        except ValueError:  # opened as a teacher, it is refused with its reason
            return 0

    def open(self, handle, wanted):
        known = None if wanted.pixels else recorded_range(Path(handle))
        return open_module(handle, wanted, known)
