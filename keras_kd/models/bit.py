"""BiT: ResNet-v2 with group norm and weight standardisation, as a function-matching pair uses it.

Published weights need the padding they were trained with: every 3x3 pads 1 and the 7x7 pads 3
explicitly, and then all run without padding. Keras's "same" pads differently at stride 2 and is off
by whole logits. The root's max-pool pads 1 with zeros, as big_transfer does; big_vision, whose are
the files `distill/*`, pads it with minus infinity, see docs/decisions.md.

`PUBLISHED` lists the public weights by name: pre-trained networks, and the teachers and students of
Beyer et al. 2021; `bit_file` fetches one.

Paper: Kolesnikov et al. 2020, "Big Transfer (BiT)", arXiv 1912.11370.
"""

from pathlib import Path
from typing import NamedTuple

import keras
from keras.layers import Activation, Add, GlobalAveragePooling2D, MaxPooling2D, ZeroPadding2D

from keras_kd.models.download import fetch, place
from keras_kd.models.layers import StandardizedConv2D, check_size, head, norm_layer, scaled
from keras_kd.names import nearest

UNITS = {26: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


class Published(NamedTuple):
    """A public file: its address, its network, and the side in pixels it was trained at."""

    address: str
    depth: int
    width: int
    num_classes: int
    resolution: int


CACHE = "keras_kd/bit"  # in Keras's folder
ROOT = (7, 7, 3)  # side and channels of the root's kernel in all published files
BUCKET = "https://storage.googleapis.com/bit_models"
SIZES = ((50, 1), (50, 3), (101, 1), (101, 3), (152, 2), (152, 4))
PUBLISHED = {
    # Beyer et al. 2021: two students, then the teachers, fine-tuned from BiT-M.
    "R50x1-imagenet160": Published(f"{BUCKET}/distill/R50x1_160.npz", 50, 1, 1000, 160),
    "R50x1-imagenet224": Published(f"{BUCKET}/distill/R50x1_224.npz", 50, 1, 1000, 224),
    "R152x2-imagenet224": Published(f"{BUCKET}/distill/R152x2_T_224.npz", 152, 2, 1000, 224),
    "R152x2-imagenet384": Published(f"{BUCKET}/distill/R152x2_T_384.npz", 152, 2, 1000, 384),
    "R152x2-flowers128": Published(f"{BUCKET}/distill/R152x2_T_flowers128.npz", 152, 2, 102, 128),
    "R152x2-pets128": Published(f"{BUCKET}/distill/R152x2_T_pet128.npz", 152, 2, 37, 128),
    "R152x2-food128": Published(f"{BUCKET}/distill/R152x2_T_food128.npz", 152, 2, 101, 128),
    "R152x2-sun128": Published(f"{BUCKET}/distill/R152x2_T_sun128.npz", 152, 2, 397, 128),
}
# Kolesnikov et al. 2020: S saw ImageNet, M saw ImageNet-21k, and M-ILSVRC2012 both in turn.
for _kind, _suffix, _classes, _side in (
    ("S", "", 1000, 224),
    ("M", "", 21843, 224),
    ("M", "-ILSVRC2012", 1000, 480),
):
    for _depth, _width in SIZES:
        _size = f"R{_depth}x{_width}"
        PUBLISHED[f"{_size}-{_kind}{_suffix}"] = Published(
            f"{BUCKET}/BiT-{_kind}-{_size}{_suffix}.npz", _depth, _width, _classes, _side
        )


def bit_resnet(
    depth=50,
    width=1,
    num_classes=1000,
    input_shape=(224, 224, 3),
    norm="group",
    small_root=False,
    synchronized=False,
    dropout=0.0,
    weights=None,
):
    """Builds a BiT ResNet-v2 whose output is the logits `[B, num_classes]`, float32.

    Taps: `stem`, `stage1` ... `stage4` (fewer or more with a tuple as depth), `pre_logits`.
    Layers are named `block1_unit01_norm1`, `block1_unit01_conv1`, ..., `block1_unit01_proj`.

    Args:
        depth: 26, 50, 101, 152, or a tuple of the number of units in each stage.
        width: multiplier of every channel count, a positive int or float.
        num_classes: number of logits.
        input_shape: (height, width, channels) of images in [-1, 1]; sides may be None.
        norm: "group" (the paper's) or "batch" (converts better to full int8).
        small_root: a 3x3 root of stride 1 with no pooling, for images of about 40 px or less.
        synchronized: batch norm statistics over all replicas.
        dropout: fraction of `pre_logits` dropped in training, in [0, 1).
        weights: a name of `PUBLISHED` such as "R50x1-M", or the path of an `.npz` file. Its
            classifier is loaded where it has `num_classes` classes.

    Returns:
        A functional `keras.Model`. The head starts at zero.

    Raises:
        ValueError: for an unknown depth or norm, a bad shape, a width whose channels do not
            divide into groups, or weights of another network.
        ConnectionError: the weights cannot be fetched; says which file to put where.
    """
    shape = check_size(num_classes, input_shape)
    base = scaled(64, width)
    units = stage_units(depth)
    if weights is not None:
        root = (3 if small_root else 7,) * 2 + shape[-1:]
        weights = _weights_file(weights, units, width, root)  # before the long work of building

    def normalized(x, name):
        x = norm_layer(norm, name, synchronized)(x)
        return Activation("relu", name=name.replace("norm", "relu"))(x)

    inputs = keras.Input(shape, name="image")
    x = _root(inputs, base, small_root)
    for stage, count in enumerate(units, start=1):
        for unit in range(1, count + 1):
            x = _unit(
                x,
                channels=base * 2 ** (stage - 1),
                stride=2 if stage > 1 and unit == 1 else 1,
                prefix=f"block{stage}_unit{unit:02d}",
                # The last sum of a stage carries the stage's name, for the taps.
                output_name=f"stage{stage}" if unit == count else None,
                normalized=normalized,
            )
    x = normalized(x, "norm")
    x = GlobalAveragePooling2D(name="pre_logits")(x)
    model = keras.Model(inputs, head(x, num_classes, dropout), name="bit_resnet")
    if weights is None:
        return model
    # Here, because the loader needs the depths of this file.
    from keras_kd.models.bit_npz import load_pretrained

    return load_pretrained(model, weights)


def published(name):
    """The entry of `PUBLISHED`.

    Raises:
        ValueError: no such name; tells the names and the nearest.
    """
    if name not in PUBLISHED:
        raise ValueError(
            f"published BiT weights must be one of {', '.join(PUBLISHED)}, or an .npz file. "
            f"Received: {name!r}.{nearest(name, PUBLISHED)}"
        )
    return PUBLISHED[name]


def bit_file(name):
    """Fetches the file of a name of `PUBLISHED` where the cache lacks it.

    Args:
        name: such as "R152x2-flowers128".

    Returns:
        `pathlib.Path` of the `.npz` file, in `keras_kd/bit` of Keras's folder (`$KERAS_HOME`, or
        `.keras` in the home folder).

    Raises:
        ValueError: no such name.
        ConnectionError: the file cannot be fetched; says which to put where.
    """
    address = published(name).address
    # Two files of the bucket may end alike, so the cache knows them by the names of the table.
    return fetch(address, f"{name}.npz", CACHE)


def address_of(path):
    """The address that a file of the cache was, or would be, fetched from; "" for other files."""
    path = Path(path).absolute()
    if path.stem not in PUBLISHED or path != place(path.name, CACHE).absolute():
        return ""
    return PUBLISHED[path.stem].address


def check_root(root, label):
    """Refuses a network whose first convolution no published file fills, before one is fetched.

    Args:
        root: (height, width, input channels) of the network's first kernel.
        label: what the user named, for the error.

    Raises:
        ValueError: another side (`small_root`) or other channels.
    """
    if tuple(root) != ROOT:
        raise ValueError(
            "published BiT weights have a root of 7x7 for images of 3 channels. Received: "
            f"{label!r} for a network with a root of {root[0]}x{root[1]} for {root[2]} channels. "
            "Build bit_resnet without small_root and for colour images, or start without weights."
        )


def _weights_file(weights, units, width, root):
    """The path of `weights`; another network is refused before a gigabyte is fetched."""
    if str(weights).endswith(".npz"):
        return weights
    entry = published(weights)
    if (stage_units(entry.depth), entry.width) != (units, width):
        raise ValueError(
            f"these weights are for depth={entry.depth}, width={entry.width}. "
            f"Received: weights={weights!r} for {units} units a stage and width={width}."
        )
    check_root(root, weights)
    return bit_file(weights)


def stage_units(depth):
    """Units of each stage, of a depth as `bit_resnet` takes it."""
    if isinstance(depth, (tuple, list)):
        if depth and all(type(n) is int and n >= 1 for n in depth):
            return tuple(depth)
    elif depth in UNITS and not isinstance(depth, bool):
        return UNITS[depth]
    raise ValueError(
        f"depth must be one of {tuple(UNITS)} or a tuple of at least one unit per stage. "
        f"Received: depth={depth!r}. Write for example depth=(1, 1, 1, 1) for a tiny one."
    )


def _conv(x, channels, size, name, stride=1):
    """A weight-standardised convolution that pads (size - 1) / 2 on all four sides."""
    if size > 1:
        x = ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    return StandardizedConv2D(
        channels,
        size,
        strides=stride,
        use_bias=False,
        kernel_initializer="lecun_normal",
        name=name,
    )(x)


def _root(x, channels, small):
    if small:
        return _conv(x, channels, 3, "stem")
    x = _conv(x, channels, 7, "root_conv", stride=2)
    # Zeros, as in big_transfer; a max-pool that pads by itself pads with minus infinity.
    x = ZeroPadding2D(1, name="root_pool_pad")(x)
    return MaxPooling2D(3, strides=2, name="stem")(x)


def _unit(x, channels, stride, prefix, output_name, normalized):
    """One pre-activated bottleneck: 1x1, 3x3 (with the stride), 1x1 to four times the channels."""
    shortcut, inner = x, normalized(x, f"{prefix}_norm1")
    if stride > 1 or x.shape[-1] != 4 * channels:
        shortcut = _conv(inner, 4 * channels, 1, f"{prefix}_proj", stride)
    x = _conv(inner, channels, 1, f"{prefix}_conv1")
    x = normalized(x, f"{prefix}_norm2")
    x = _conv(x, channels, 3, f"{prefix}_conv2", stride)
    x = normalized(x, f"{prefix}_norm3")
    x = _conv(x, 4 * channels, 1, f"{prefix}_conv3")
    return Add(name=output_name or f"{prefix}_add")([x, shortcut])
