"""MLP-Mixer: dense layers over the places of an image and over its channels, in turn.

Paper: Tolstikhin et al. 2021, "MLP-Mixer: An all-MLP Architecture for Vision", arXiv 2105.01601.
"""

import keras

from keras_kd.models.layers import check_size, head
from keras_kd.models.mixer_weights import load_pretrained
from keras_kd.models.tokens import TokenSum, check_patches, mlp, norm, sizes_of
from keras_kd.utils.integers import check_integer

NAMES = ("width", "depth", "token_width", "channel_width")
VARIANTS = {
    variant: dict(zip(NAMES, sizes))
    for variant, sizes in {
        "S": (512, 8, 256, 2048),
        "B": (768, 12, 384, 3072),
        "L": (1024, 24, 512, 4096),
    }.items()
}


def mixer(
    variant="B",
    num_classes=1000,
    input_shape=(224, 224, 3),
    patch=16,
    width=None,
    depth=None,
    token_width=None,
    channel_width=None,
    dropout=0.0,
    approximate=True,
    weights=None,
):
    """Builds an MLP-Mixer.

    Taps: `stem`, the patches' map; `block1`, `block2` ... as tokens `[B, N, D]`, and `block1_map`
    ... as maps `[B, H, W, D]`; `pre_logits`. A block is `block1_norm1`, `block1_token_mlp` with
    `block1_token_mlp_hidden`, `block1_token_sum`, `block1_norm2`, `block1_channel_mlp` with
    `block1_channel_mlp_hidden`, and the sum, `block1`.

    Args:
        variant: "S", "B" or "L": the four sizes below, each of which may be given instead.
        num_classes: number of logits.
        input_shape: (height, width, channels) of images in [-1, 1], sides known.
        patch: side of a patch in pixels, which divides the sides of the images.
        width: channels of a token.
        depth: number of blocks.
        token_width: hidden units of the MLP over the places.
        channel_width: hidden units of the MLP over the channels.
        dropout: fraction of `pre_logits` dropped in training.
        approximate: GELU by tanh, as the published networks have it, or by the error function.
        weights: path of a published `.npz` archive for `load_mixer_npz`; the classifier is taken
            over where it has `num_classes` classes. None or empty for random weights.

    Returns:
        A functional `keras.Model` with float32 logits `[B, num_classes]`. The head starts at zero.

    Raises:
        ValueError: sizes that do not fit the images, or an archive of others.
    """
    shape = check_size(num_classes, input_shape)
    width, depth, token_width, channel_width = sizes_of(
        variant, VARIANTS, width=width, depth=depth, token_width=token_width,
        channel_width=channel_width,
    )  # fmt: skip
    check_integer("patch", patch)
    grid = check_patches(shape, patch)

    inputs = keras.Input(shape, name="image")
    x = keras.layers.Conv2D(
        width, patch, strides=patch, kernel_initializer="lecun_normal", name="stem"
    )(inputs)
    x = keras.layers.Reshape((grid[0] * grid[1], width), name="tokens")(x)
    for index in range(1, depth + 1):
        name = f"block{index}"
        inner = norm(f"{name}_norm1")(x)
        inner = keras.layers.Permute((2, 1), name=f"{name}_to_places")(inner)
        inner = mlp(inner, token_width, f"{name}_token_mlp", approximate)
        inner = keras.layers.Permute((2, 1), name=f"{name}_to_channels")(inner)
        x = keras.layers.Add(name=f"{name}_token_sum")([x, inner])
        inner = mlp(norm(f"{name}_norm2")(x), channel_width, f"{name}_channel_mlp", approximate)
        x = TokenSum(grid, name=name)([x, inner])
    x = keras.layers.GlobalAveragePooling1D(name="pre_logits")(norm("norm")(x))
    model = keras.Model(inputs, head(x, num_classes, dropout), name="mixer")
    return load_pretrained(model, weights) if weights else model
