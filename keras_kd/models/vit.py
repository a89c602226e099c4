"""Vision transformers, with the published sizes and DeiT's distillation token on request.

Papers: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", arXiv 2010.11929; Touvron et al.
2021 (DeiT), arXiv 2012.12877.
"""

import keras

from keras_kd.models.layers import check_size, head
from keras_kd.models.tokens import (
    AttentionHeads,
    ClassTokens,
    OneToken,
    PositionEmbedding,
    TokenSum,
    check_patches,
    dropped,
    mlp,
    norm,
    sizes_of,
)
from keras_kd.models.vit_weights import load_pretrained
from keras_kd.utils.integers import check_integer

NAMES = ("width", "depth", "heads", "mlp_width")
VARIANTS = {
    variant: dict(zip(NAMES, sizes))
    for variant, sizes in {
        "Ti": (192, 12, 3, 768),
        "S": (384, 12, 6, 1536),
        "B": (768, 12, 12, 3072),
        "L": (1024, 24, 16, 4096),
    }.items()
}
POOLINGS = ("token", "gap")


def vit(
    variant="B",
    num_classes=1000,
    input_shape=(224, 224, 3),
    patch=16,
    width=None,
    depth=None,
    heads=None,
    mlp_width=None,
    pooling="token",
    distillation=False,
    dropout=0.0,
    approximate=True,
    weights=None,
):
    """Builds a vision transformer.

    Taps: `stem`, the patches' map; `block1`, `block2` ... as tokens `[B, N, D]`, the class token
    first, and `block1_map` ... without it, `[B, H, W, D]`; `block1_query`, `block1_key` and
    `block1_value`, each `[B, N, D]`, the heads one after another; `pre_logits`. A block is
    `block1_norm1`, `block1_query`, `block1_key`, `block1_value`, `block1_heads`,
    `block1_attention` (the projection of what they give), `block1_attention_sum`, `block1_norm2`,
    `block1_mlp_hidden`, `block1_mlp_gelu`, `block1_mlp` and the sum, `block1`.

    Args:
        variant: "Ti", "S", "B" or "L": the four sizes below, each of which may be given instead.
        num_classes: number of logits.
        input_shape: (height, width, channels) of images in [-1, 1], sides known.
        patch: side of a patch in pixels, which divides the sides of the images.
        width: channels of a token, a multiple of `heads`.
        depth: number of blocks.
        heads: number of attention heads.
        mlp_width: hidden units of a block's MLP.
        pooling: what the classifier sees: "token", the class token, or "gap", the mean of all.
        distillation: DeiT's second token beside the class token, with a classifier of its own. The
            logits are the mean of both; each can be tapped: `logits_class`, `logits_distilled`.
        dropout: fraction dropped in training behind positions, attention and in the MLPs.
        approximate: GELU by tanh, as the published networks of Flax have it; DeiT's and those of
            PyTorch have the error function, which is False.
        weights: path of a published `.npz` archive for `load_vit_npz`; the classifier is taken
            over where it has `num_classes` classes. None or empty for random weights.

    Returns:
        A functional `keras.Model` with float32 logits `[B, num_classes]`. The head starts at zero.

    Raises:
        ValueError: sizes that do not fit each other or the images, or an archive of others.
    """
    shape = check_size(num_classes, input_shape)
    width, depth, heads, mlp_width = sizes_of(
        variant, VARIANTS, width=width, depth=depth, heads=heads, mlp_width=mlp_width
    )
    check_integer("patch", patch)
    _check(width, heads, pooling, distillation, dropout)
    grid = check_patches(shape, patch)
    extra = (pooling == "token") + bool(distillation)

    inputs = keras.Input(shape, name="image")
    x = keras.layers.Conv2D(
        width, patch, strides=patch, kernel_initializer="lecun_normal", name="stem"
    )(inputs)
    x = keras.layers.Reshape((grid[0] * grid[1], width), name="tokens")(x)
    if extra:
        x = ClassTokens(extra, name="class_tokens")(x)
    x = PositionEmbedding(name="positions")(x)
    x = dropped(x, dropout, "positions_dropout")
    for index in range(1, depth + 1):
        name = f"block{index}"
        inner = _attention(norm(f"{name}_norm1")(x), heads, name)
        inner = dropped(inner, dropout, f"{name}_attention_dropout")
        x = keras.layers.Add(name=f"{name}_attention_sum")([x, inner])
        inner = norm(f"{name}_norm2")(x)
        inner = mlp(inner, mlp_width, f"{name}_mlp", approximate, dropout)
        x = TokenSum(grid, extra, name=name)([x, inner])
    x = norm("norm")(x)
    model = keras.Model(inputs, _logits(x, num_classes, pooling, distillation), name="vit")
    return load_pretrained(model, weights) if weights else model


def _attention(x, heads, name):
    """Multi-head self-attention, every projection a dense layer of its own."""

    def dense(part):
        return keras.layers.Dense(
            x.shape[-1], kernel_initializer="glorot_uniform", name=f"{name}_{part}"
        )

    parts = [dense(part)(x) for part in ("query", "key", "value")]
    return dense("attention")(AttentionHeads(heads, name=f"{name}_heads")(*parts))


def _logits(x, num_classes, pooling, distillation):
    if pooling == "gap":
        return head(keras.layers.GlobalAveragePooling1D(name="pre_logits")(x), num_classes)
    pooled = OneToken(0, name="pre_logits")(x)
    if not distillation:
        return head(pooled, num_classes)
    second = OneToken(1, name="pre_logits_distilled")(x)
    both = [
        keras.layers.Dense(
            num_classes, kernel_initializer="zeros", dtype="float32", name=f"logits_{name}"
        )(features)
        for name, features in (("class", pooled), ("distilled", second))
    ]
    return keras.layers.Average(dtype="float32", name="logits")(both)


def _check(width, heads, pooling, distillation, dropout):
    if width % heads:
        raise ValueError(
            f"width must be a multiple of heads. Received: width={width}, heads={heads}. Take "
            f"width={width // heads * heads or heads}, or other heads."
        )
    if pooling not in POOLINGS:
        raise ValueError(f"pooling must be one of {POOLINGS}. Received: pooling={pooling!r}.")
    if distillation and pooling != "token":
        raise ValueError(
            "distillation=True puts a token beside the class token. "
            f"Received: pooling={pooling!r}, distillation=True. Take pooling='token'."
        )
    if not 0.0 <= dropout < 1.0:
        raise ValueError(
            f"dropout must be a fraction in [0, 1). Received: dropout={dropout}. Use 0 for none."
        )
