"""EfficientNet-Lite: mobile networks made for full int8, and their ImageNet weights as `.npz`.

No squeeze-and-excitation and ReLU6 everywhere: quantisation costs these networks little.

Paper: Tan and Le 2019, "EfficientNet", arXiv 1905.11946; the Lite variants: Liu 2020, TensorFlow
blog, "Higher accuracy on vision models with EfficientNet-Lite".
"""

import math

import keras
from keras.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    Rescaling,
)

from keras_kd.models.layers import check_size, head
from keras_kd.models.npz import listed, not_finite, read_arrays
from keras_kd.utils.integers import is_integer

# variant: width multiplier, depth multiplier, dropout. Trained at 224, 240, 260, 280, 300 px.
VARIANTS = {
    0: (1.0, 1.0, 0.2),
    1: (1.0, 1.1, 0.2),
    2: (1.1, 1.2, 0.3),
    3: (1.2, 1.4, 0.3),
    4: (1.4, 1.8, 0.3),
}
# expansion, kernel, stride, blocks, channels of each stage of Lite0.
STAGES = (
    (1, 3, 1, 1, 16),
    (6, 3, 2, 2, 24),
    (6, 5, 2, 2, 40),
    (6, 3, 2, 3, 80),
    (6, 5, 1, 3, 112),
    (6, 5, 2, 4, 192),
    (6, 3, 1, 1, 320),
)


def efficientnet_lite(
    variant=0,
    num_classes=1000,
    input_shape=(224, 224, 3),
    dropout=None,
    synchronized=False,
    weights=None,
    stages=None,
    head_channels=1280,
):
    """Builds EfficientNet-Lite, with ImageNet weights where an archive of them is given.

    The weights expect (pixel - 127) / 128. The layer `to_lite_range` turns the [-1, 1] that all
    networks here take, pixel / 127.5 - 1, into exactly that; it has no weights.

    Taps: `stem`, `stage1` ... `stage7`, `head_relu`, `pre_logits`.

    Args:
        variant: 0 to 4; the weights were trained at 224, 240, 260, 280 and 300 px.
        num_classes: number of logits.
        input_shape: (height, width, channels) of images in [-1, 1]; sides may be None.
        dropout: fraction of `pre_logits` dropped in training; None for the paper's 0.2 or 0.3.
        synchronized: batch norm statistics over all replicas.
        weights: path of an `.npz` archive for `load_efficientnet_npz`; the classifier is taken
            over at 1,000 classes. None or empty for random weights.
        stages: in place of the variant's, (expansion, kernel, blocks, channels) of each of the
            seven stages; their strides stay.
        head_channels: of the last convolution.

    Returns:
        A functional `keras.Model` with float32 logits `[B, num_classes]`. The head starts at zero.

    Raises:
        ValueError: for an unknown variant, a bad shape, stages of another form, or an archive that
            does not fit.
    """
    if variant not in VARIANTS or isinstance(variant, bool):
        raise ValueError(f"variant must be one of 0 to 4. Received: variant={variant!r}.")
    shape = check_size(num_classes, input_shape)
    _, _, default_dropout = VARIANTS[variant]

    def normalized(x, name, activation="relu6"):
        x = BatchNormalization(
            epsilon=1e-3, momentum=0.99, synchronized=synchronized, name=f"{name}_bn"
        )(x)
        return Activation(activation, name=f"{name}_relu")(x) if activation else x

    def conv(x, filters, size, name, stride=1):
        return Conv2D(
            filters, size, strides=stride, padding="same", use_bias=False,
            kernel_initializer="he_normal", name=f"{name}_conv",
        )(x)  # fmt: skip

    inputs = keras.Input(shape, name="image")
    x = Rescaling(127.5 / 128, 0.5 / 128, name="to_lite_range")(inputs)
    x = normalized(conv(x, 32, 3, "stem", 2), "stem_norm", None)
    x = Activation("relu6", name="stem")(x)
    index = 0
    rows = _rows(variant) if stages is None else _checked(stages)
    for stage, (expansion, kernel, stride, count, filters) in enumerate(rows, start=1):
        for block in range(count):
            name = f"block{index}"
            last = block == count - 1
            sizes = (expansion, kernel, stride if block == 0 else 1, filters)
            output_name = f"stage{stage}" if last else f"{name}_out"
            x = _block(x, sizes, name, output_name, conv, normalized)
            index += 1
    x = normalized(conv(x, head_channels, 1, "head"), "head")
    x = GlobalAveragePooling2D(name="pre_logits")(x)
    logits = head(x, num_classes, default_dropout if dropout is None else dropout)
    model = keras.Model(inputs, logits, name=f"efficientnet_lite{variant}")
    return load_efficientnet_npz(model, weights, head=num_classes == 1000) if weights else model


def _rows(variant):
    """(expansion, kernel, stride, blocks, channels) of each stage of a variant."""
    width, depth, _ = VARIANTS[variant]
    return [
        (*row[:3], _blocks(stage, depth), _rounded(row[-1] * width))
        for stage, row in enumerate(STAGES, start=1)
    ]


def _checked(stages):
    """The stages that a caller gives, as rows with their strides."""
    rows = [tuple(row) for row in stages]
    whole = all(len(row) == 4 and all(is_integer(one) for one in row) for row in rows)
    if not whole or len(rows) != len(STAGES):
        raise ValueError(
            f"stages must be (expansion, kernel, blocks, channels) of each of {len(STAGES)}, whole "
            f"numbers of at least 1. Received: stages={stages!r}."
        )
    return [(*row[:2], stage[2], *row[2:]) for row, stage in zip(rows, STAGES)]


def _blocks(stage, depth):
    """Blocks of a stage, from 1 on; the first and the last keep theirs in every variant."""
    blocks = STAGES[stage - 1][3]
    return blocks if stage in (1, len(STAGES)) else math.ceil(blocks * depth)


def _rounded(channels):
    """Rounds to a multiple of 8, not down by more than 10 %."""
    result = max(8, int(channels + 4) // 8 * 8)
    return result + 8 if result < 0.9 * channels else result


def _block(x, sizes, name, output_name, conv, normalized):
    """One inverted residual: expand 1x1, depthwise, project 1x1, add when shapes agree."""
    expansion, kernel, stride, filters = sizes
    shortcut = x
    if expansion != 1:
        x = conv(x, x.shape[-1] * expansion, 1, f"{name}_expand")
        x = normalized(x, f"{name}_expand")
    x = DepthwiseConv2D(
        kernel, strides=stride, padding="same", use_bias=False,
        depthwise_initializer="he_normal", name=f"{name}_depthwise_conv",
    )(x)  # fmt: skip
    x = normalized(x, f"{name}_depthwise")
    x = conv(x, filters, 1, f"{name}_project")
    x = normalized(x, f"{name}_project", None)
    if stride == 1 and shortcut.shape[-1] == filters:
        return Add(name=output_name)([x, shortcut])
    return Activation("linear", name=output_name)(x)


def load_efficientnet_npz(model, path, head=True):
    """Fills an EfficientNet-Lite with the arrays of a `.npz` archive in PyTorch's layout.

    Array names: `_conv_stem.weight`, `_blocks.N._expand_conv.weight`, `_blocks.N._bn0.weight`,
    ..., `_conv_head.weight`, `_fc.weight`, `_fc.bias`.

    Args:
        model: what `efficientnet_lite` built, of the variant that the archive holds.
        path: the `.npz` file.
        head: load the classifier too. False leaves it, for another number of classes.

    Returns:
        The model.

    Raises:
        ValueError: when the file is missing, damaged, or does not fit the model array by array.
            The model's weights are then unchanged.
    """
    arrays = read_arrays(path)
    if not head:
        arrays = {name: array for name, array in arrays.items() if not name.startswith("_fc.")}
    wanted = _source_names(model, head)
    problems = [f"{name} (in the model, not in the file)" for name in wanted if name not in arrays]
    problems += [f"{name} (in the file, not used)" for name in arrays if name not in wanted]
    values = []
    for name, (variable, axes) in wanted.items():
        if name in arrays:
            value = arrays[name].transpose(axes) if arrays[name].ndim == len(axes) else arrays[name]
            if value.shape != tuple(variable.shape):
                problems.append(f"{name} (file {value.shape}, model {tuple(variable.shape)})")
            elif value.dtype.kind != "f":
                problems.append(f"{name} (no floats but {value.dtype})")
            elif bad := not_finite(value):
                problems.append(f"{name} ({bad})")
            values.append((variable, value))
    if problems:
        raise ValueError(
            f"the archive must match the model array by array. Received: path={str(path)!r}, "
            f"model={model.name!r}, {len(problems)} mismatches: {listed(problems)}. "
            "Build the variant that the file holds, and pass head=False for other classes; a "
            "file with values that are not finite is of no use."
        )
    for variable, value in values:
        variable.assign(value)
    return model


def variant_of(path):
    """Which variant an `.npz` archive holds, by the number of its blocks and their last width.

    Args:
        path: the `.npz` file.

    Returns:
        0 to 4, or None: it holds the weights of another network.

    Raises:
        ValueError: when the file is missing or damaged.
    """
    arrays = read_arrays(path)
    projections = [name for name in arrays if name.endswith("._project_conv.weight")]
    last = arrays.get(f"_blocks.{len(projections) - 1}._project_conv.weight")
    for variant, (width, depth, _) in VARIANTS.items():
        blocks = sum(_blocks(stage, depth) for stage in range(1, len(STAGES) + 1))
        if len(projections) == blocks and last.shape[0] == _rounded(STAGES[-1][-1] * width):
            return variant
    return None


def _source_names(model, head):
    """{array name: (variable, axes that turn PyTorch's layout into Keras's)} for the model."""
    wanted = {}

    def add_conv(layer, source, axes=(2, 3, 1, 0)):
        # Read by position: a depthwise layer calls its only weight otherwise than a full one.
        wanted[f"{source}.weight"] = (model.get_layer(layer).weights[0], axes)

    def add_norm(layer, source):
        layer = model.get_layer(f"{layer}_bn")
        wanted[f"{source}.weight"] = (layer.gamma, (0,))
        wanted[f"{source}.bias"] = (layer.beta, (0,))
        wanted[f"{source}.running_mean"] = (layer.moving_mean, (0,))
        wanted[f"{source}.running_var"] = (layer.moving_variance, (0,))

    names = {layer.name for layer in model.layers}
    if not {"stem_conv", "head_conv", "logits"} <= names:
        raise ValueError(
            "model must come from efficientnet_lite. "
            f"Received: model={model.name!r}. Build it with keras_kd.models.efficientnet_lite."
        )
    add_conv("stem_conv", "_conv_stem")
    add_norm("stem_norm", "_bn0")
    index = 0
    while f"block{index}_depthwise_conv" in names:
        block, source = f"block{index}", f"_blocks.{index}"
        if f"{block}_expand_conv" in names:
            add_conv(f"{block}_expand_conv", f"{source}._expand_conv")
            add_norm(f"{block}_expand", f"{source}._bn0")
        add_conv(f"{block}_depthwise_conv", f"{source}._depthwise_conv", (2, 3, 0, 1))
        add_norm(f"{block}_depthwise", f"{source}._bn1")
        add_conv(f"{block}_project_conv", f"{source}._project_conv")
        add_norm(f"{block}_project", f"{source}._bn2")
        index += 1
    add_conv("head_conv", "_conv_head")
    add_norm("head", "_bn1")
    if head:
        dense = model.get_layer("logits")
        wanted["_fc.weight"] = (dense.kernel, (1, 0))
        wanted["_fc.bias"] = (dense.bias, (0,))
    return wanted
