"""A TFLite file, float or quantised: `tflite:model.tflite`, or its path alone."""

from pathlib import Path

from keras_kd.models.lite_module import LiteModule
from keras_kd.teachers.kind import Kind
from keras_kd.teachers.prepare import open_host

SCHEME = "tflite:"
SUFFIX = ".tflite"


class TFLite(Kind):
    """Files that LiteRT runs."""

    words = "'tflite:FILE'"
    order = 31
    layouts = True

    def owns(self, handle):
        return handle.startswith(SCHEME) or (handle.endswith(SUFFIX) and Path(handle).is_file())

    def open(self, handle, wanted):
        return open_host(
            LiteModule,
            handle.removeprefix(SCHEME),
            wanted,
            "Give input_range: (-1, 1), (0, 1) or (0, 255), or the normalization of its training.",
        )
