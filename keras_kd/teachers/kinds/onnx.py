"""An ONNX file, as PyTorch and others export: `onnx:model.onnx`, or its path alone."""

from keras_kd.models.onnx_module import OnnxModule
from keras_kd.teachers.kind import ELSEWHERE, Kind
from keras_kd.teachers.prepare import host_side, open_host

SCHEME = "onnx:"


class Onnx(Kind):
    """Files that onnxruntime runs."""

    words = "'onnx:FILE'"
    order = 30
    layouts = True
    fine_tune = ELSEWHERE
    schemes = (SCHEME,)
    suffix = ".onnx"

    def side(self, handle):
        return host_side(OnnxModule, handle.removeprefix(SCHEME))

    def open(self, handle, wanted):
        return open_host(
            OnnxModule,
            handle.removeprefix(SCHEME),
            wanted,
            "Give normalization='imagenet', as networks of PyTorch mostly expect, or input_range: "
            "(-1, 1), (0, 1) or (0, 255).",
            ("normalization", "imagenet"),
        )
