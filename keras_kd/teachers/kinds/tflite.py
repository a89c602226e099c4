"""A TFLite file, float or quantised: `tflite:model.tflite`, or its path alone."""

import dataclasses
from pathlib import Path

from keras_kd.models.lite_module import LiteModule, recorded_range
from keras_kd.models.pixels import Pixels
from keras_kd.teachers.kind import ELSEWHERE, Kind
from keras_kd.teachers.prepare import host_side, open_host

SCHEME = "tflite:"


class TFLite(Kind):
    """Files that LiteRT runs."""

    words = "'tflite:FILE'"
    order = 31
    layouts = True
    fine_tune = ELSEWHERE
    schemes = (SCHEME,)
    suffix = ".tflite"

    def side(self, handle):
        return host_side(LiteModule, handle.removeprefix(SCHEME))

    def open(self, handle, wanted):
        path = handle.removeprefix(SCHEME)
        recorded = recorded_range(path) if Path(path).is_file() and not wanted.pixels else None
        if recorded:
            wanted = dataclasses.replace(wanted, pixels=Pixels(recorded))
        return open_host(
            LiteModule,
            path,
            wanted,
            "Give input_range: (-1, 1), (0, 1) or (0, 255), or the normalization of its training.",
            ("input_range", "(-1, 1)"),
        )
