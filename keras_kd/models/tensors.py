"""The inputs and outputs of a network that another runtime runs, and which of them are ours."""

from typing import NamedTuple

import numpy as np

from keras_kd.models.output import find_logits
from keras_kd.utils.affine import to_floats, to_integers

# Those of images and logits. Another output of a file may be of any, such as int64 of a label.
TYPES = (np.float32, np.float16, np.float64, np.uint8, np.int8, np.int16)


class UnknownLayout(ValueError):
    """Whether images have their channels first or last cannot be told from an input's shape."""


class Tensor(NamedTuple):
    """An input or output of a file.

    Attributes:
        name: its name in the file.
        shape: tuple; None for a size that the file leaves open.
        dtype: NumPy's; None where it has none.
        scale, zero_point: of its whole numbers, see `keras_kd.utils.affine`; scale 0: none.
        type_name: what the file calls its type, where that is not NumPy's name.
    """

    name: str
    shape: tuple
    dtype: np.dtype
    scale: float = 0.0
    zero_point: int = 0
    type_name: str = ""

    @property
    def usable(self):
        """Whether images or logits may be of its type."""
        return self.dtype in TYPES

    def encode(self, values):
        """Float values as this input takes them."""
        if not np.issubdtype(self.dtype, np.integer):
            return values.astype(self.dtype)
        return to_integers(values, self.dtype, self.scale or 1.0, self.zero_point)

    def decode(self, values):
        """Float32 values of what this output gave."""
        if not np.issubdtype(self.dtype, np.integer):
            return values.astype(np.float32)
        return to_floats(values, self.scale or 1.0, self.zero_point)

    @property
    def value_range(self):
        """(lowest, highest) value that whole numbers stand for; None of floats."""
        if not np.issubdtype(self.dtype, np.integer):
            return None
        limits = np.array([np.iinfo(self.dtype).min, np.iinfo(self.dtype).max])
        value_range = to_floats(limits, self.scale or 1.0, self.zero_point)
        return tuple(float(value) for value in value_range)


def image_input(inputs, label):
    """The input that takes images.

    Args:
        inputs: list of `Tensor`.
        label: what the user calls the file, for errors.

    Raises:
        ValueError: several inputs, or one of no images.
    """
    told = ", ".join(f"{one.name} {_told(one.shape)}" for one in inputs)
    if len(inputs) != 1:
        raise ValueError(
            f"a teacher must take one batch of images. Received: {label} with {len(inputs)} "
            f"inputs: {told}. Export the network with its images as the only input, the others as "
            "constants."
        )
    if len(inputs[0].shape) != 4:
        raise ValueError(
            "a teacher must take one batch of images of four axes. Received: "
            f"{label} with the input {told}. Export the classifier of images itself."
        )
    _check_type(inputs[0], label)
    return inputs[0]


def _check_type(tensor, label):
    if not tensor.usable:
        raise ValueError(
            "a teacher must take images and give numbers, of "
            f"{', '.join(one.__name__ for one in TYPES)}. Received: {label} with "
            f"{tensor.name!r} of {tensor.type_name or tensor.dtype}. Export it with floats."
        )


def layout_of(tensor, channels, layout, label):
    """The order of an input's axes.

    Args:
        tensor: the `Tensor` of the images.
        channels: of the images that will come.
        layout: "nhwc" or "nchw" where it is told; empty: found by where the channels stand.
        label: what the user calls the file, for errors.

    Returns:
        "nhwc" or "nchw".

    Raises:
        UnknownLayout: it cannot be found.
        ValueError: no axis is of so many channels.
    """
    places = {"nchw": tensor.shape[1], "nhwc": tensor.shape[3]}
    if layout:
        if places[layout] not in (None, channels):
            raise ValueError(
                f"the teacher must take images of {channels} channels. Received: {label}, whose "
                f"input {_told(tensor.shape)} has {places[layout]} as layout={layout!r} says. "
                "Load the images with as many channels, or tell the other layout."
            )
        return layout
    fitting = [one for one, size in places.items() if size == channels]
    if len(fitting) == 1:
        return fitting[0]
    if fitting or None in places.values():
        raise UnknownLayout(
            f"whether the images of {label} have their channels first or last cannot be told from "
            f"its input {_told(tensor.shape)}. Received: layout=''. Give layout='nchw' (channels "
            "first, as PyTorch exports) or layout='nhwc'."
        )
    raise ValueError(
        f"the teacher must take images of {channels} channels. Received: {label} with the input "
        f"{_told(tensor.shape)}. Load the images with as many channels as it takes, or take "
        "another teacher."
    )


def logits_output(outputs, num_classes, wanted, label):
    """The output that holds the logits.

    Args:
        outputs: list of `Tensor`.
        num_classes: number of logits; None: any.
        wanted: name of the output; empty: `logits`, or the only one of the right size.
        label: what the user calls the file, for errors.

    Returns:
        (tensor, units): the `Tensor` and its number of logits.

    Raises:
        UnknownOutput: no such output, or several that may be it.
        ValueError: none gives a row of numbers an image.
    """
    units = {one.name: _units(one.shape) for one in outputs}
    fitting = {one.name for one in outputs if one.usable or one.name == wanted}
    rows = {name: (None, count) for name, count in units.items() if count and name in fitting}
    told = ", ".join(f"{one.name} {_told(one.shape)}" for one in outputs)
    name = find_logits(rows or {one.name: one.shape for one in outputs}, wanted, num_classes)
    if name not in rows:
        raise ValueError(
            "a teacher must have an output of the logits [B, num_classes]. Received: "
            f"{label} with {told}. Export the network with its classifier."
        )
    chosen = next(one for one in outputs if one.name == name)
    _check_type(chosen, label)
    return chosen, units[name]


def _units(shape):
    """Numbers an example, of `[B, K]` or `[B, K, 1, 1]` and the like; None of anything else."""
    sizes = [size for size in shape[1:] if size != 1]
    if len(shape) < 2 or None in shape[1:] or len(sizes) > 1:
        return None
    return sizes[0] if sizes else 1


def _told(shape):
    return f"[{', '.join('any' if size is None else str(size) for size in shape)}]"
