"""How many bytes the full-int8 file of a cut network takes, before there is one."""

import numpy as np

# A kernel's value is a byte; a channel that it gives has a bias of four, a scale of four and a zero
# point of eight, and its bias a scale and a zero point too.
CHANNEL_BYTES = 28
LAYER_BYTES = 900  # the tensors and operators of a layer with a kernel, and of what follows it
FILE_BYTES = 10_000  # metadata and names of classes too


def int8_bytes(network, keep):
    """An estimate, a few per cent off.

    Args:
        network: `Network` that `follow` gave.
        keep: bool array, one a channel group.

    Returns:
        int.
    """
    kept, total = keep[network.groups.group_of], FILE_BYTES
    for call in network.first_calls().values():
        axes = {}
        for part in getattr(call.rule, "parts", lambda _: [])(call):
            axes.setdefault(part.weight, {})[part.axis] = int(kept[part.ids].sum())
        for weight in getattr(call.layer, "weights", ()):
            if len(weight.shape) < 2:
                continue  # folded into a kernel
            found = axes.get(weight.name, {})
            shape = [found.get(axis, size) for axis, size in enumerate(weight.shape)]
            total += int(np.prod(shape)) + CHANNEL_BYTES * int(kept[call.out].sum()) + LAYER_BYTES
    return total
