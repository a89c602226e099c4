"""Layers of networks that see an image as a row of tokens, one a patch of a grid.

Tokens are `[B, N, D]`, the patches row by row, behind the class token where there is one. Dense
layers and norms between these are Keras's own, so that whoever copies, counts or converts a
network finds every kernel in a layer that it knows.
"""

import keras
from keras import ops

from keras_kd.utils.integers import check_integer

# Of Flax, in which the published weights were trained.
EPSILON = 1e-6


def norm(name):
    """Layer normalisation over the channels of each token."""
    return keras.layers.LayerNormalization(epsilon=EPSILON, name=name)


def mlp(x, width, name, approximate=True, dropout=0.0):
    """Two dense layers over the last axis and GELU between them.

    Args:
        x: symbolic `[B, N, D]`.
        width: of the hidden layer.
        name: of the last dense layer; the first is `{name}_hidden`.
        approximate: GELU by tanh instead of the error function.
        dropout: fraction of the hidden units and of the output dropped in training.

    Returns:
        symbolic `[B, N, D]`.
    """
    start = {"kernel_initializer": "glorot_uniform"}
    channels = x.shape[-1]
    x = keras.layers.Dense(width, name=f"{name}_hidden", **start)(x)
    x = GELU(approximate, name=f"{name}_gelu")(x)
    x = dropped(x, dropout, f"{name}_hidden_dropout")
    x = keras.layers.Dense(channels, name=name, **start)(x)
    return dropped(x, dropout, f"{name}_dropout")


def dropped(x, rate, name):
    """Dropout, where there is any."""
    return keras.layers.Dropout(rate, name=name)(x) if rate else x


@keras.saving.register_keras_serializable(package="keras_kd")
class GELU(keras.layers.Layer):
    """x times the normal distribution's share below x, `[B, ...]` -> the same shape.

    Args:
        approximate: by tanh, as Flax computes it, instead of the error function.

    Paper: Hendrycks, Gimpel 2016, arXiv 1606.08415.
    """

    def __init__(self, approximate=True, **kwargs):
        super().__init__(**kwargs)
        self.approximate = approximate

    def call(self, inputs):
        return ops.gelu(inputs, approximate=self.approximate)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "approximate": self.approximate}


@keras.saving.register_keras_serializable(package="keras_kd")
class ClassTokens(keras.layers.Layer):
    """Puts learned tokens in front of every row, `[B, N, D]` -> `[B, count + N, D]`.

    Args:
        count: 1, the class token, or 2, DeiT's distillation token behind it.
    """

    def __init__(self, count=1, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def build(self, input_shape):
        self.tokens = self.add_weight(
            shape=(1, self.count, input_shape[-1]), initializer="zeros", name="tokens"
        )

    def call(self, inputs):
        shape = (ops.shape(inputs)[0], self.count, inputs.shape[-1])
        tokens = ops.broadcast_to(ops.cast(self.tokens, inputs.dtype), shape)
        return ops.concatenate([tokens, inputs], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[1] + self.count, input_shape[2])

    def get_config(self):
        return {**super().get_config(), "count": self.count}


@keras.saving.register_keras_serializable(package="keras_kd")
class PositionEmbedding(keras.layers.Layer):
    """Adds a learned vector to the token of each place, `[B, N, D]` -> `[B, N, D]`."""

    def build(self, input_shape):
        self.positions = self.add_weight(
            shape=(1, *input_shape[1:]),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="positions",
        )

    def call(self, inputs):
        return inputs + ops.cast(self.positions, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="keras_kd")
class AttentionHeads(keras.layers.Layer):
    """Scaled dot-product attention of several heads, without the projections around it.

    Called with queries, keys and values, each `[B, N, D]`, whose channels are the heads' one after
    another; gives `[B, N, D]` alike. The softmax runs in float32 under mixed precision too.

    Args:
        heads: number of heads, a divisor of D.

    Paper: Vaswani et al. 2017, arXiv 1706.03762.
    """

    def __init__(self, heads, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads

    def call(self, queries, keys, values):
        _, places, channels = queries.shape
        size = channels // self.heads

        def split(x):
            x = ops.reshape(x, (-1, places, self.heads, size))
            return ops.transpose(x, (0, 2, 1, 3))

        queries, keys, values = split(queries * size**-0.5), split(keys), split(values)
        scores = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))
        weights = ops.softmax(ops.cast(scores, "float32"), axis=-1)
        mixed = ops.matmul(ops.cast(weights, values.dtype), values)
        return ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, places, channels))

    def multiplications(self, queries_shape):
        """Of one image: every place with every place, for the scores and for the mixture."""
        _, places, channels = queries_shape
        return 2 * places**2 * channels

    def compute_output_shape(self, queries_shape, keys_shape=None, values_shape=None):
        return queries_shape

    def get_config(self):
        return {**super().get_config(), "heads": self.heads}


@keras.saving.register_keras_serializable(package="keras_kd")
class OneToken(keras.layers.Layer):
    """The token at one place, `[B, N, D]` -> `[B, D]`.

    Args:
        index: the place; 0 is the class token's.
    """

    def __init__(self, index=0, **kwargs):
        super().__init__(**kwargs)
        self.index = index

    def call(self, inputs):
        return inputs[:, self.index]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[2])

    def get_config(self):
        return {**super().get_config(), "index": self.index}


@keras.saving.register_keras_serializable(package="keras_kd")
class TokenMap(keras.layers.Layer):
    """Tokens as the map that their grid is, `[B, extra + H * W, D]` -> `[B, H, W, D]`.

    Args:
        grid: (H, W).
        extra: tokens in front that stand for no patch, which are dropped.
    """

    def __init__(self, grid, extra=0, **kwargs):
        super().__init__(**kwargs)
        self.grid, self.extra = tuple(grid), extra

    def call(self, inputs):
        return ops.reshape(inputs[:, self.extra :], (-1, *self.grid, inputs.shape[-1]))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.grid, input_shape[2])

    def get_config(self):
        return {**super().get_config(), "grid": list(self.grid), "extra": self.extra}


@keras.saving.register_keras_serializable(package="keras_kd")
class TokenSum(keras.layers.Add):
    """The sum at a block's end, which can be tapped as tokens, and as a map by `NAME_map`.

    Args: those of `TokenMap`.
    """

    def __init__(self, grid, extra=0, **kwargs):
        super().__init__(**kwargs)
        self.grid, self.extra = tuple(grid), extra

    def tap_views(self):
        """Dict from what is put behind the tap's name to the layer that makes it of the output."""
        return {"map": TokenMap(self.grid, self.extra, dtype=self.dtype_policy)}

    def get_config(self):
        return {**super().get_config(), "grid": list(self.grid), "extra": self.extra}


def check_patches(shape, patch):
    """Refuses images that patches do not fill.

    Args:
        shape: (height, width, channels).
        patch: side of a patch in pixels.

    Returns:
        (rows, columns) of the grid of patches.

    Raises:
        ValueError: sides that are not known, or no multiples of the patch.
    """
    if None in shape[:2]:
        raise ValueError(
            "the sides of the images must be known: every place of the grid has weights of its "
            f"own. Received: input_shape={shape}. Give the size that the network is to see."
        )
    if any(side % patch for side in shape[:2]):
        raise ValueError(
            "patch must divide both sides of the images. "
            f"Received: patch={patch}, input_shape={shape}. Take a patch of one of "
            f"{_divisors(shape)} pixels, or other images."
        )
    return shape[0] // patch, shape[1] // patch


def _divisors(shape):
    return [n for n in range(2, min(shape[:2]) + 1) if not shape[0] % n and not shape[1] % n]


def sizes_of(variant, table, **given):
    """A variant's sizes, those that are given in place of the table's.

    Args:
        variant: key of `table`.
        table: dict from variant to a dict of size by argument name.
        **given: as of the table, None for its own.

    Returns:
        list of int, in the table's order.

    Raises:
        ValueError: no such variant, or a size that is no whole number above 0.
    """
    if variant not in table:
        raise ValueError(f"variant must be one of {list(table)}. Received: variant={variant!r}.")
    sizes = table[variant] | {name: size for name, size in given.items() if size is not None}
    for name, size in sizes.items():
        check_integer(name, size)
    return [sizes[name] for name in table[variant]]
