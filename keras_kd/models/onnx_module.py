"""ONNX files as Keras layers, run by onnxruntime: networks of PyTorch and others that teach."""

import keras
import numpy as np

from keras_kd.models.host import HostModule
from keras_kd.models.tensors import Tensor
from keras_kd.utils import processors

# Where NumPy calls a type otherwise.
TYPES = {"float": "float32", "double": "float64"}
INSTALL = 'Install it: pip install "keras-kd[onnx]", or onnxruntime alone.'
# What onnxruntime says of an operation that it has not got, in several places.
UNKNOWN_OP = ("No Op registered", "Could not find an implementation", "not a registered")


@keras.saving.register_keras_serializable(package="keras_kd")
class OnnxModule(HostModule):
    """An ONNX file: images `[B, H, W, C]`, as it expects them, to logits.

    Args: those of `keras_kd.models.host.HostModule`.
    """

    def _open(self):
        self._session = open_session(self.handle)
        return [
            [_tensor(one) for one in listed]
            for listed in (self._session.get_inputs(), self._session.get_outputs())
        ]

    def _run(self, values):
        return self._session.run([self._target.name], {self._source.name: values})[0]


def open_session(path):
    """The session of an ONNX file, on the processors that this process may use.

    Args:
        path: str.

    Returns:
        an `onnxruntime.InferenceSession`.

    Raises:
        ValueError: onnxruntime is not installed, or cannot open or run the file.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ValueError(
            f"an ONNX file is run by onnxruntime, which is not there ({error}). Received: "
            f"handle={path!r}. {INSTALL}"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = processors.usable()
    options.log_severity_level = 4  # what goes wrong is raised
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own for whatever a file holds
        reason = " ".join(str(error).split())[:300]
        if any(phrase in reason for phrase in UNKNOWN_OP):
            advice = (
                "Its operations must be those of ONNX: install a newer onnxruntime, or export the "
                "network again with an older opset_version, or without its custom operation"
            )
        else:
            advice = "If it was cut short, copy it again (a file of weights beside it, too)"
        raise ValueError(
            f"an ONNX file must open in onnxruntime {onnxruntime.__version__}. Received: "
            f"handle={path!r}, which fails: {reason}. {advice}."
        ) from error


def _tensor(argument):
    sizes = argument.shape or ()
    shape = tuple(size if isinstance(size, int) and size > 0 else None for size in sizes)
    return Tensor(argument.name, shape, _dtype(argument.type), type_name=argument.type)


def _dtype(type_):
    """NumPy's type of "tensor(float)" and the like; None of a sequence, or of what it has not."""
    name = type_.removeprefix("tensor(").removesuffix(")")
    try:
        return np.dtype(TYPES.get(name, name))
    except TypeError:
        return None
