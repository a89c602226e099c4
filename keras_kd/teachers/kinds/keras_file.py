"""A file that Keras saved: `path/to/model.keras`."""

from pathlib import Path

from keras_kd.models.saved import open_keras
from keras_kd.teachers.kind import Kind
from keras_kd.teachers.prepare import prepare


class KerasFile(Kind):
    """Every file that no other kind owns."""

    words = "'path/to/model.keras'"
    order = 90

    def owns(self, handle):
        return Path(handle).is_file()

    def open(self, handle, wanted):
        return prepare(open_keras(Path(handle)), repr(handle), wanted)
