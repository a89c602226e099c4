"""The C and C++ of a student for microcontrollers: the array, and what goes with it."""

import re
from pathlib import Path

import jinja2
import numpy as np

from keras_kd.export import lite_file
from keras_kd.utils import affine

SOURCES = Path(__file__).parent / "sources"
ARRAY, HEADER = "student.c", "student.h"
FILES = (ARRAY, HEADER, "student_ops.h", "student_tflm.cc", "main.c")
A_LINE = 12  # numbers of the array on a line
TYPES = {"int8": "int8_t", "uint8": "uint8_t", "float32": "float"}
# Methods of TFLM's `MicroMutableOpResolver` that are not their operator's words put together.
ODD_METHODS = {
    "BATCH_MATMUL": "AddBatchMatMul",
    "CUMSUM": "AddCumSum",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}


def written(content, card, arena):
    """The files of a student.

    Args:
        content: bytes of a TFLite file.
        card: `keras_kd.export.card.Card`.
        arena: `keras_kd.export.micro.probe.Arena`.

    Returns:
        dict: name -> bytes.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SOURCES),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["in_c"] = in_c
    operators = list(lite_file.operators(content))
    facts = {
        "card": card,
        "arena": arena,
        "size": len(content),
        "rows": _rows([f"0x{byte:02x}" for byte in content]),
        "operators": operators,
        "methods": [method_of(name) for name in operators],
        "tensors": tensors_of(content),
    }
    facts["image"], facts["answer"] = ends_of(content)
    facts["pixels"] = _rows(pixel_table(facts["image"]))
    return {name: environment.get_template(f"{name}.j2").render(facts).encode() for name in FILES}


def array_in(folder):
    """The bytes that the array in a folder of these files holds.

    Raises:
        ValueError: there is none, or it is not as long as its header says.
    """
    text = (Path(folder) / ARRAY).read_text(encoding="utf-8")
    header = (Path(folder) / HEADER).read_text(encoding="utf-8")
    found = re.search(r"student_model\[\w*\] = \{(.*?)\}", text, re.DOTALL)
    content = bytes(
        int(number, 16) for number in re.findall(r"0x[0-9a-f]{2}", found[1] if found else "")
    )
    size = re.search(r"STUDENT_MODEL_BYTES (\d+)", header)
    if not content or size is None or len(content) != int(size[1]):
        raise ValueError(
            f"Expected the array student_model in {ARRAY}, as long as {HEADER} says. Received: "
            f"path={str(folder)!r}, with {len(content):,} bytes of it. Export it again."
        )
    return content


def method_of(operator):
    """The method by which a resolver learns an operator: CONV_2D -> AddConv2D."""
    parts = [part if part[0].isdigit() else part.capitalize() for part in operator.split("_")]
    return ODD_METHODS.get(operator, f"Add{''.join(parts)}")


def ends_of(content):
    """Input and output of a file: dicts with `type`, `c_type`, `numbers`, `scale`, `zero_point`."""
    graph = lite_file.parsed(content).subgraphs[0]
    return [_end(graph.tensors[index]) for index in (graph.inputs[0], graph.outputs[0])]


def tensors_of(content):
    """Tensors that a run computes, a list of (name, shape, bytes), the largest first."""
    model = lite_file.parsed(content)
    graph = model.subgraphs[0]
    computed = {index for one in graph.operators for index in one.outputs} | {*graph.inputs}
    found = []
    for index in computed:
        tensor = graph.tensors[index]
        shape = [int(size) for size in tensor.shape]
        size = int(np.prod(shape)) * np.dtype(lite_file.dtype_name(tensor)).itemsize
        found.append((tensor.name.decode(), shape, size))
    return sorted(found, key=lambda one: (-one[2], one[0]))


def pixel_table(image):
    """What each pixel value, 0 to 255, is to the network, as C literals."""
    values = np.arange(256, dtype=np.float32) / np.float32(127.5) - 1
    if image["type"] == "float32":
        return [f"{value:.9g}f" if value % 1 else f"{value:.1f}f" for value in values.tolist()]
    numbers = affine.to_integers(values, image["type"], image["scale"], image["zero_point"])
    return [str(number) for number in numbers.tolist()]


def in_c(text):
    """A text as a C string literal; what is not plain ASCII becomes the octal of its UTF-8."""
    plain = set(range(32, 127)) - set(b'"\\?')  # ??= and the like are trigraphs
    bytes_ = " ".join(text.splitlines()).encode()
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in bytes_) + '"'


def _end(tensor):
    scales, known = getattr(tensor.quantization, "scale", None), tensor.quantization
    has_scale = scales is not None and len(scales)
    type_ = lite_file.dtype_name(tensor)
    return {
        "type": type_,
        "c_type": TYPES[type_],
        "numbers": int(np.prod(tensor.shape)),
        "scale": float(scales[0]) if has_scale else 1.0,
        "zero_point": int(known.zeroPoint[0]) if has_scale else 0,
    }


def _rows(numbers):
    return [", ".join(numbers[i : i + A_LINE]) for i in range(0, len(numbers), A_LINE)]
