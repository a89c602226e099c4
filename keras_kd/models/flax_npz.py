"""What the loaders of ViT and Mixer share: archives by Flax's names, and how they fill a network.

A loader describes its network by `wanted`, the variables by the archive's names, and its sizes by a
dict; what differs is told by these words before single arrays are.
"""

import logging
import re

from keras_kd.models.npz import assign, listed, mismatches, read_arrays

# A checkpoint of a training holds these beside the weights.
TRAINING_STATE = ("opt/", "extra/")
PREFIXES = ("params/", "opt/target/")
HEAD = ("head/kernel", "head/bias")
_logger = logging.getLogger(__name__)


def read(path, blocks):
    """An archive's weights by Flax's names, without a prefix, each block by itself.

    Args:
        path: the `.npz` file.
        blocks: what stands before a block's number, such as "Transformer/encoderblock". Arrays of
            all blocks in one, as a scan over the blocks leaves them, are taken apart.

    Returns:
        dict of NumPy arrays.

    Raises:
        ValueError: the file is missing, damaged, or holds pickled objects.
    """
    arrays = read_arrays(path)
    for prefix in PREFIXES:
        if any(name.startswith(prefix) for name in arrays):
            arrays = {
                name.removeprefix(prefix): array
                for name, array in arrays.items()
                if name.startswith(prefix) or not name.startswith(TRAINING_STATE)
            }
            break
    found = {}
    for name, array in arrays.items():
        if name.startswith(f"{blocks}/") and array.ndim:
            rest = name.removeprefix(f"{blocks}/")
            found |= {f"{blocks}_{index}/{rest}": part for index, part in enumerate(array)}
        else:
            found[name] = array
    return found


def blocks_of(arrays, blocks):
    """How many blocks there are, by the names of the arrays."""
    numbers = [re.match(rf"{blocks}_(\d+)/", name) for name in arrays]
    return max((int(number[1]) + 1 for number in numbers if number), default=0)


def classes_of(arrays):
    """Classes of an archive's classifier, or None where it has none."""
    return arrays["head/bias"].size if "head/bias" in arrays else None


def check_sizes(file, model, path, builder):
    """Refuses an archive of another network, by its sizes.

    Args:
        file: dict of size by the builder's argument; None where the archive does not tell.
        model: the model's.
        path: the archive.
        builder: name of the builder, for the error.

    Raises:
        ValueError: tells the sizes that differ.
    """
    other = {name: size for name, size in file.items() if size not in (None, model[name])}
    if other:
        own = ", ".join(f"{name}={model[name]}" for name in other)
        theirs = ", ".join(f"{name}={size}" for name, size in other.items())
        raise ValueError(
            f"the file must be of the model's {own}. Received: path={str(path)!r}, of {theirs}. "
            f"Build {builder} with these, or take another file."
        )


def fill(model, arrays, wanted, path, head, left=()):
    """Fills a network; until it is sure that all fits, the model keeps its own weights.

    Args:
        model: the network.
        arrays: dict of NumPy arrays by the archive's names.
        wanted: dict of the model's variables by the same names.
        path: the archive, for errors.
        head: whether the classifier is filled; else the model's own stays.
        left: names of arrays that have no place in the model, which the log tells.

    Returns:
        The model.

    Raises:
        ValueError: another number of classes, or the arrays that do not fit, by name.
    """
    classes, own = classes_of(arrays), model.output_shape[-1]
    if head and classes not in (None, own):
        raise ValueError(
            f"the file's classifier must have the model's {own} classes. Received: "
            f"path={str(path)!r}, of {classes} classes. Pass head=False to keep the model's own "
            f"classifier, or build it with num_classes={classes}."
        )
    if not head:
        left = (*left, *HEAD)
        wanted = {name: variable for name, variable in wanted.items() if name not in HEAD}
    left = [name for name in left if name in arrays]
    arrays = {name: array for name, array in arrays.items() if name not in left}
    if problems := mismatches(arrays, wanted):
        raise ValueError(
            f"the archive must match the model array by array. Received: path={str(path)!r}, "
            f"model={model.name!r}, {len(problems)} mismatches: {listed(problems)}. Build the "
            "sizes and the pooling that the file holds; a file with values that are not finite is "
            "of no use."
        )
    if left:
        _logger.info("left out of %s: %s", path, ", ".join(left))
    assign(arrays, wanted)
    return model


def dense(layer, source):
    """{array name: variable} of a dense layer or a convolution."""
    return {f"{source}/kernel": layer.kernel, f"{source}/bias": layer.bias}


def layer_norm(layer, source):
    """{array name: variable} of a layer normalisation."""
    return {f"{source}/scale": layer.gamma, f"{source}/bias": layer.beta}
