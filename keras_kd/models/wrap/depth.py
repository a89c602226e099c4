"""Residual branches that a network misses least, left out."""

import keras
import numpy as np

from keras_kd.models.wrap.graph import calls_of
from keras_kd.models.wrap.rebuild import without


def shallower(model, depth, images, input_shape=None):
    """A network without the residual branches whose loss changes its logits least.

    A branch can go where it begins and ends at one tensor, to which its values are added. Each is
    tried alone; the change is the mean square of the logits' differences.

    Args:
        model: functional Keras model.
        depth: share of these branches that stays, in (0, 1].
        images: float `[N, H, W, C]`.
        input_shape: of the images; default: the model's own.

    Returns:
        a Keras model on the same layers.

    Raises:
        ValueError: no such branches.
    """
    network = calls_of(model, input_shape)
    blocks = branches(network)
    if not blocks:
        raise ValueError(
            "depth below 1 needs residual blocks whose input is added to their output. Received: "
            f"depth={depth}, model={model.name!r}, which has none. Leave depth at 1."
        )
    whole = np.asarray(without(network, {})(images, training=False))
    changes = []
    for call, shortcut in blocks:
        logits = np.asarray(without(network, {id(call): shortcut})(images, training=False))
        changes.append(np.mean(np.square(logits - whole)))
    count = len(blocks) - round(depth * len(blocks))
    least = np.argsort(changes, kind="stable")[:count]
    return without(network, {id(blocks[i][0]): blocks[i][1] for i in least})


def branches(network):
    """The residual branches of a network that can go.

    Args:
        network: `Network` that `calls_of` gave.

    Returns:
        list of (the `Call` that adds, the symbolic tensor that its branch begins at).
    """
    made_by = {id(call.output): call for call in network.calls}
    found = []
    for call in network.calls:
        if type(call.layer).__name__ != "Add" or len(call.tensors) != 2:
            continue
        first, second = call.tensors
        for shortcut, branch in ((first, second), (second, first)):
            if shortcut.shape == branch.shape and _begins_at(branch, shortcut, made_by):
                found.append((call, shortcut))
                break
    return found


def _begins_at(tensor, start, made_by):
    """Whether all that a tensor is made of comes from another one."""
    waiting, seen = [tensor], set()
    while waiting:
        one = waiting.pop()
        if one is start or id(one) in seen:
            continue
        seen.add(id(one))
        call = made_by.get(id(one))
        if call is None or not isinstance(one, keras.KerasTensor):
            return False
        waiting += call.tensors
    return tensor is not start
