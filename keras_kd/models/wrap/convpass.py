"""Convpass: a vision transformer that stays as it is, and small convolutions beside its blocks."""

import math
from typing import NamedTuple

import keras

from keras_kd.models.tokens import TokenSum
from keras_kd.models.wrap.bypass import INITS, Bypass
from keras_kd.models.wrap.graph import calls_of
from keras_kd.models.wrap.rebuild import acts_in_training_only, copy_of, dtypes_of, remade
from keras_kd.models.wrap.unquantize import refuse_rounded
from keras_kd.utils.integers import check_integer
from keras_kd.utils.names import nearest

NAME = "convpass"
WHERE = ("both", "attention")
SUM = "_attention_sum"  # behind a block's name, that of the layer where its attention is added


class Block(NamedTuple):
    """A block of a transformer: its name and the calls of its layers."""

    name: str
    norm1: object
    attention_sum: object
    norm2: object
    sum: object


def convpass(model, dim=8, scale=1.0, where="both", init="identity", *, input_shape=None):
    """Puts convolutional adapters into a vision transformer, which is frozen, its classifier not.

    A block's x + attention(norm(x)) becomes x + attention(norm(x)) + scale * bypass(norm(x)), and
    the sum with its MLP likewise; `keras_kd.models.wrap.bypass` tells what a bypass is. They give
    zero at first. Nothing of them can be merged into the transformer: they are not linear, and
    whoever runs the network runs them. Of B/16 they are 0.33 of 86 million weights.

    The authors also drop whole branches in training (stochastic depth, a tenth); here none is.
    Dropout of the transformer's own is left out, as it is frozen.

    Args:
        model: functional or `Sequential` Keras model with blocks as `keras_kd.models.vit` makes
            them. It is left as it is.
        dim: channels of an adapter; the authors have 8.
        scale: factor of what adapters add, above 0; the authors choose 0.01 to 100 for each data
            set, by its labels.
        where: "both", or "attention" for none beside the MLPs.
        init: how the convolutions start: "identity" leaves what they get, "xavier" is random.
        input_shape: (height, width, channels) of the images; default: the model's.

    Returns:
        A functional `keras.Model` with the transformer's layers under their own names, and with
        `block1_attention_convpass`, `block1_mlp_convpass` ... These and the dense layers behind the
        last block are all that trains. It shares no variables with `model`.

    Raises:
        ValueError: arguments out of range; a network without such blocks, or whose blocks do not
            know the grid of their patches; one that has adapters.

    Paper: Jie, Deng 2022, "Convolutional Bypasses Are Better Vision Transformer Adapters", arXiv
    2207.07039.
    """
    _check(dim, scale, where, init)
    network = calls_of(model, input_shape, NAME)
    refuse_rounded(network, NAME)
    _refuse_twice(network, model)
    blocks, heads, dtypes = _blocks(network, model), heads_of(network, model), dtypes_of(network)
    summands = {}
    for block in blocks:
        places = [("attention", block.norm1, block.attention_sum), ("mlp", block.norm2, block.sum)]
        for place, norm, total in places[: 1 if where == "attention" else 2]:
            bypass = Bypass(
                dim, block.sum.layer.grid, block.sum.layer.extra, float(scale), init,
                dtype=dtypes[id(total.layer)], name=f"{block.name}_{place}_{NAME}",
            )  # fmt: skip
            summands[id(total)] = norm.output, bypass

    def change(layer, names):
        if acts_in_training_only(layer):
            return None, []
        head = id(layer) in heads
        own = {"trainable": head, "dtype": "float32" if head else dtypes[id(layer)]}
        return copy_of(layer, own, names), layer.get_weights()

    return remade(network, change, f"{model.name}_{NAME}", summands=summands)


def heads_of(network, model):
    """The classifier of a transformer: dict from `id` to dense layer behind its last block.

    Args:
        network: `Network` that `calls_of` gave.
        model: the Keras model; for errors.

    Raises:
        ValueError: there is none.
    """
    last = max(network.calls.index(block.sum) for block in _blocks(network, model))
    behind = [call.layer for call in network.calls[last:]]
    heads = {id(layer): layer for layer in behind if isinstance(layer, keras.layers.Dense)}
    if not heads:
        raise ValueError(
            f"{NAME} trains the classifier, a dense layer behind the last block. Received: "
            f"model={model.name!r}, which has none. Put keras.layers.Dense on its features."
        )
    return heads


def _blocks(network, model):
    """The blocks of a transformer, a list of `Block`."""
    calls = {call.layer.name: call for call in network.calls}
    names = [name.removesuffix(SUM) for name in calls if name.endswith(SUM)]
    wanted = "", "_norm1", "_norm2"
    blocks = [
        Block(name, calls[f"{name}_norm1"], calls[f"{name}{SUM}"], calls[f"{name}_norm2"],
              calls[name])
        for name in names if all(f"{name}{part}" in calls for part in wanted)
    ]  # fmt: skip
    if not blocks:
        raise ValueError(
            f"{NAME} puts adapters into the attention blocks of a vision transformer, which have "
            f"layers named block1_norm1, block1{SUM}, block1_norm2 and block1. Received: "
            f"model={model.name!r}, which has no such block. Give it a network of "
            "keras_kd.models.vit."
        )
    for block in blocks:
        if not isinstance(block.sum.layer, TokenSum):
            raise ValueError(
                f"{NAME} convolves over the grid of patches, which the sum at a block's end knows. "
                f"Received: layer {block.name!r} of type {type(block.sum.layer).__name__} in "
                f"model={model.name!r}. End blocks in keras_kd.models.tokens.TokenSum(grid, extra)."
            )
    return blocks


def _refuse_twice(network, model):
    found = [call.layer.name for call in network.calls if isinstance(call.layer, Bypass)]
    if found:
        raise ValueError(
            f"{NAME} takes a transformer without adapters. Received: model={model.name!r}, which "
            f"has {found[0]!r}. Give it the network that this was made of, or train this one."
        )


def _check(dim, scale, where, init):
    check_integer("dim", dim, advice="It is how many channels an adapter has, such as 8.")
    number = isinstance(scale, int | float) and not isinstance(scale, bool)
    if not (number and math.isfinite(scale) and scale > 0):
        raise ValueError(
            "scale must be a number above 0, by which what the adapters add is multiplied: with 0 "
            f"they would add nothing and learn nothing. Received: scale={scale!r}. Begin with 1.0."
        )
    for name, value, known in (("where", where, WHERE), ("init", init, INITS)):
        if value not in known:
            raise ValueError(
                f"{name} must be one of {known}. Received: {name}={value!r}."
                f"{nearest(str(value), known)}"
            )
