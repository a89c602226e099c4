"""BiT: ResNet-v2 with group norm and weight standardisation, as a function-matching pair uses it.

Published weights need the padding they were trained with: every 3x3 pads 1 and the 7x7 pads 3
explicitly, and then all run without padding. Keras's "same" pads differently at stride 2 and is off
by whole logits. The root's max-pool pads 1 with zeros, as big_transfer does; big_vision, whose are
the files `distill/*`, pads it with minus infinity, see docs/decisions.md.

Paper: Kolesnikov et al. 2020, "Big Transfer (BiT)", arXiv 1912.11370.
"""

import keras
from keras.layers import Activation, Add, GlobalAveragePooling2D, MaxPooling2D, ZeroPadding2D

from keras_kd.models.bit.published import bit_file, check_root, published, stage_units
from keras_kd.models.bit.weights import load_pretrained
from keras_kd.models.layers import StandardizedConv2D, check_size, head, norm_layer, scaled


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
    return load_pretrained(model, weights)


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
