"""Published weights of vision transformers: the `.npz` of vision_transformer and of big_vision.

vision_transformer counts all parts of a block (`MultiHeadDotProductAttention_1`, `MlpBlock_3`) and
adds positions to the class token too; big_vision counts each kind (`MlpBlock_0`), adds positions
before the class token comes, and may prefix all names by `params/`. Its names are the common ones.
"""

import math
import re

import numpy as np

from keras_kd.models.flax_npz import (
    blocks_of,
    check_sizes,
    classes_of,
    dense,
    fill,
    layer_norm,
    read,
)

BLOCKS = "Transformer/encoderblock"
POSITIONS = "pos_embedding"
# What the layer before the classifier was, in training on 21,843 classes; fine-tuning drops it.
REPRESENTATION = ("pre_logits/kernel", "pre_logits/bias")
OLD_NAMES = (
    (r"(.*encoderblock_\d+)/LayerNorm_2/(.*)", r"\1/LayerNorm_1/\2"),
    (r"(.*encoderblock_\d+)/MultiHeadDotProductAttention_1/(.*)",
     r"\1/MultiHeadDotProductAttention_0/\2"),
    (r"(.*encoderblock_\d+)/MlpBlock_3/(.*)", r"\1/MlpBlock_0/\2"),
    (r"Transformer/(?:posembed_input/)?pos_embedding", POSITIONS),
)  # fmt: skip


def load_vit_npz(model, path, head=True):
    """Fills a vision transformer with the arrays of a published `.npz` archive.

    Positions of another grid are resized, bilinear with the corners in place, as the public codes
    do; the class token keeps its own. A layer `pre_logits` of the file is left out, and the log
    says so: its classifier is of no use then.

    Args:
        model: what `vit` built, of the archive's patch, width, depth, heads and MLP.
        path: the `.npz` file, of vision_transformer or of big_vision.
        head: load the classifier too. False leaves the model's own (zero where it is new), for
            another number of classes; the file may then hold a head or none.

    Returns:
        The model.

    Raises:
        ValueError: the file is missing, damaged, or holds pickled objects; it is of other sizes or
            classes; its grid is not square; or the arrays that did not match, by name.

    Papers: Dosovitskiy et al. 2021, arXiv 2010.11929; Steiner et al. 2021, arXiv 2106.10270.
    """
    return _fill(model, _read(path), path, head)


def load_pretrained(model, path):
    """As `load_vit_npz`, with the classifier just where the file has one that serves the model.

    Args:
        model: what `vit` built.
        path: the `.npz` file.

    Returns:
        The model.

    Raises:
        ValueError: see `load_vit_npz`.
    """
    return load_arrays(model, _read(path), path)


def load_arrays(model, arrays, path, keep_head=True):
    """As `load_pretrained`, of arrays that are read already.

    Args:
        model: what `vit` built.
        arrays: dict of NumPy arrays by big_vision's names.
        path: where they are from, for errors.
        keep_head: whether the classifier is wanted at all.

    Returns:
        The model.

    Raises:
        ValueError: see `load_vit_npz`.
    """
    same = keep_head and classes_of(arrays) == model.output_shape[-1]
    return _fill(model, arrays, path, head=same and REPRESENTATION[0] not in arrays)


def resized_positions(positions, grid):
    """Position embeddings of a square grid for another.

    Args:
        positions: `[1, n * n, D]`.
        grid: (rows, columns).

    Returns:
        `[1, rows * columns, D]`.
    """
    from scipy.ndimage import zoom  # here, since importing it takes a second

    side = math.isqrt(positions.shape[1])
    if grid == (side, side):
        return positions
    values = positions.reshape(side, side, -1).astype("float64")
    values = zoom(values, (grid[0] / side, grid[1] / side, 1), order=1)
    return values.reshape(1, grid[0] * grid[1], -1).astype("float32")


def _read(path):
    arrays = read(path, BLOCKS)
    found = {}
    for name, array in arrays.items():
        for pattern, replacement in OLD_NAMES:
            name = re.sub(f"^{pattern}$", replacement, name)
        found[name] = array
    return found


def _fill(model, arrays, path, head):
    wanted, sizes = _wanted(model), _sizes_of_model(model)
    if any(name.startswith(("conv_root/", "gn_root/")) for name in arrays):
        raise ValueError(
            "the file must be of a pure transformer. Received: "
            f"path={str(path)!r}, a hybrid with a ResNet in front. Take one without 'R' in its "
            "name."
        )
    check_sizes(_sizes_of_file(arrays), sizes, path, "vit")
    if head and REPRESENTATION[0] in arrays:
        raise ValueError(
            "the file's classifier must stand on the features themselves. Received: "
            f"path={str(path)!r}, whose stands behind a layer pre_logits, which fine-tuning drops. "
            "Pass head=False to keep the model's own classifier."
        )
    arrays = _for_grid(arrays, model.get_layer("block1"), path)
    arrays = {name: _flat(name, array) for name, array in arrays.items()}
    return fill(model, arrays, wanted, path, head, left=REPRESENTATION)


def _wanted(model):
    names = {layer.name for layer in model.layers}
    if model.name != "vit" or "block1_heads" not in names:
        raise ValueError(
            f"model must come from vit. Received: model={model.name!r}. Build it with "
            "keras_kd.models.vit."
        )
    if "logits_distilled" in names:
        raise ValueError(
            "published .npz files know no distillation token. Received: a model with "
            "distillation=True. Build it without."
        )
    layer = model.get_layer
    wanted = dense(layer("stem"), "embedding") | {POSITIONS: layer("positions").positions}
    if "class_tokens" in names:
        wanted["cls"] = layer("class_tokens").tokens
    for index in range(_depth(model)):
        ours, theirs = f"block{index + 1}", f"{BLOCKS}_{index}"
        attention = f"{theirs}/MultiHeadDotProductAttention_0"
        wanted |= layer_norm(layer(f"{ours}_norm1"), f"{theirs}/LayerNorm_0")
        wanted |= layer_norm(layer(f"{ours}_norm2"), f"{theirs}/LayerNorm_1")
        for part in ("query", "key", "value"):
            wanted |= dense(layer(f"{ours}_{part}"), f"{attention}/{part}")
        wanted |= dense(layer(f"{ours}_attention"), f"{attention}/out")
        wanted |= dense(layer(f"{ours}_mlp_hidden"), f"{theirs}/MlpBlock_0/Dense_0")
        wanted |= dense(layer(f"{ours}_mlp"), f"{theirs}/MlpBlock_0/Dense_1")
    wanted |= layer_norm(layer("norm"), "Transformer/encoder_norm")
    return wanted | dense(layer("logits"), "head")


def _depth(model):
    return sum(layer.name.endswith("_heads") for layer in model.layers)


def _sizes_of_model(model):
    kernel = model.get_layer("stem").kernel.shape
    return {
        "patch": kernel[0],
        "width": kernel[-1],
        "depth": _depth(model),
        "heads": model.get_layer("block1_heads").heads,
        "mlp_width": model.get_layer("block1_mlp_hidden").units,
        "pooling": "token" if "class_tokens" in {one.name for one in model.layers} else "gap",
    }


def _sizes_of_file(arrays):
    patches = _shape(arrays, "embedding/kernel", 4)
    query = _shape(arrays, f"{BLOCKS}_0/MultiHeadDotProductAttention_0/query/kernel", 3)
    hidden = _shape(arrays, f"{BLOCKS}_0/MlpBlock_0/Dense_0/bias", 1)
    map_head = any(name.startswith(("MAPHead_0/", "probe")) for name in arrays)
    pooling = "token" if "cls" in arrays else "gap"
    return {
        "patch": patches[0],
        "width": patches[-1],
        "depth": blocks_of(arrays, BLOCKS) or None,
        "heads": query[1],
        "mlp_width": hidden[0],
        "pooling": "map, an attention of its own" if map_head else pooling,
    }


def _shape(arrays, name, rank):
    """The shape of an array, or as many times None."""
    array = arrays.get(name)
    return array.shape if array is not None and array.ndim == rank else (None,) * rank


def _for_grid(arrays, block, path):
    """The arrays with positions for the model's grid, behind the class token's."""
    positions = arrays.get(POSITIONS)
    if positions is None or positions.ndim != 3:
        return arrays
    first, places = positions[:, :0], positions.shape[1]
    if block.extra and places > 1 and math.isqrt(places - 1) ** 2 == places - 1:
        first, positions = positions[:, :1], positions[:, 1:]
    elif block.extra:  # of big_vision: added before the class token came
        first = np.zeros_like(positions[:, :1])
    if math.isqrt(positions.shape[1]) ** 2 != positions.shape[1]:
        raise ValueError(
            "the file's positions must be those of a square grid. Received: "
            f"path={str(path)!r}, with {places} positions"
            f"{', one of them perhaps the class token' if block.extra else ''}. Take another file."
        )
    resized = resized_positions(positions, block.grid)
    return arrays | {POSITIONS: np.concatenate([first, resized], axis=1)}


def _flat(name, array):
    """A projection `[D, heads, size]` or `[heads, size, D]` as that of a dense layer."""
    if "MultiHeadDotProductAttention_0/" not in name:
        return array
    if name.endswith("out/kernel") and array.ndim == 3:
        return array.reshape(-1, array.shape[-1])
    if name.endswith("kernel") and array.ndim == 3:
        return array.reshape(array.shape[0], -1)
    return array.reshape(-1) if name.endswith("bias") else array
