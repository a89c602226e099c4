"""Layers of a student by the names that the converter gives tensors."""

import re


def layer_of(tensor, layers):
    """The layer whose answer a tensor is.

    Args:
        tensor: such as "student_1/norm2_1/Mean_1": models, layers and operations on the way, with
            the numbers that a trace appended.
        layers: set of names of layers.
    """
    for part in re.split("[/;:]", tensor):
        for name in (part, re.sub(r"_\d+$", "", part)):
            if name in layers:
                return name
    return "the answers" if tensor.startswith("StatefulPartitionedCall") else tensor
