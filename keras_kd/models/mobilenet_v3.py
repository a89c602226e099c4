"""MobileNetV3, small and large, from `keras.applications`, ending in logits.

Paper: Howard et al. 2019, "Searching for MobileNetV3", arXiv 1905.02244.
"""

import keras

from keras_kd.models.layers import NORMS, GroupNorm, check_size, head, relabelled

# The last layer at each resolution and what it is called here.
SMALL_TAPS = {
    "expanded_conv_project_bn": "stage1",
    "expanded_conv_2_add": "stage2",
    "expanded_conv_7_add": "stage3",
    "expanded_conv_10_add": "stage4",
}
# Every channel count of these networks is a multiple of 8, few are of 32.
GROUPS = 8
LARGE_TAPS = {
    "expanded_conv_2_add": "stage1",
    "expanded_conv_5_add": "stage2",
    "expanded_conv_11_add": "stage3",
    "expanded_conv_14_add": "stage4",
}
SIZES = {
    "small": (keras.applications.MobileNetV3Small, SMALL_TAPS),
    "large": (keras.applications.MobileNetV3Large, LARGE_TAPS),
}


def mobilenet_v3_small(
    num_classes=1000,
    input_shape=(224, 224, 3),
    alpha=1.0,
    minimalistic=False,
    dropout=0.2,
    synchronized=False,
    momentum=0.99,
    norm="batch",
):
    """Builds MobileNetV3-Small.

    Taps: `stem` (1/2 of the image's side), `stage1` (1/4), `stage2` (1/8), `stage3` (1/16),
    `stage4` (1/32), `pre_logits`; other layers keep the names of `keras.applications`, such as
    `expanded_conv_3_squeeze_excite_mul`.

    Args:
        num_classes: number of logits.
        input_shape: (height, width, channels) of images in [-1, 1], sides of 32 px or more.
        alpha: width multiplier, positive.
        minimalistic: no squeeze-and-excitation, no hard swish, no 5x5 kernels: the variant that
            loses least in full int8.
        dropout: fraction of `pre_logits` dropped in training, in [0, 1).
        synchronized: batch norm statistics over all replicas.
        momentum: of the batch norms' moving statistics, in [0, 1). Keras's 0.999 needs thousands
            of steps to settle; use it for training of ImageNet's length.
        norm: "batch", or "group" for group norm in every place. Its 8 groups are our choice: the
            32 that are usual do not divide these networks' channels.

    Returns:
        A functional `keras.Model` with float32 logits `[B, num_classes]`.

    Raises:
        ValueError: for a bad class count, shape, alpha, dropout, momentum or norm.
    """
    return _build(
        "small", num_classes, input_shape, alpha, minimalistic, dropout, norm,
        synchronized=synchronized, momentum=momentum,
    )  # fmt: skip


def mobilenet_v3_large(
    num_classes=1000,
    input_shape=(224, 224, 3),
    alpha=1.0,
    minimalistic=False,
    dropout=0.2,
    synchronized=False,
    momentum=0.99,
    norm="batch",
):
    """Builds MobileNetV3-Large; taps, arguments and result as in `mobilenet_v3_small`."""
    return _build(
        "large", num_classes, input_shape, alpha, minimalistic, dropout, norm,
        synchronized=synchronized, momentum=momentum,
    )  # fmt: skip


def _build(size, num_classes, input_shape, alpha, minimalistic, dropout, norm, **batch_norm):
    shape = check_size(num_classes, input_shape, min_side=32)
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not alpha > 0:
        raise ValueError(
            f"alpha must be a positive number. Received: alpha={alpha!r}. Use 1.0 for the paper's."
        )
    if not 0.0 <= batch_norm["momentum"] < 1.0:
        raise ValueError(
            "momentum must be in [0, 1). "
            f"Received: momentum={batch_norm['momentum']!r}. Use 0.99 for short training."
        )
    if norm not in NORMS or (norm == "group" and batch_norm["synchronized"]):
        raise ValueError(
            f"norm must be one of {NORMS}, and synchronized=True is for batch norm. "
            f"Received: norm={norm!r}, synchronized={batch_norm['synchronized']}."
        )
    application, taps = SIZES[size]
    full = application(
        input_tensor=keras.Input(shape, name="image"),
        alpha=alpha,
        minimalistic=minimalistic,
        weights=None,
        classes=1,
        dropout_rate=0,
        classifier_activation=None,
        include_preprocessing=False,
    )
    # Everything below the classifier, whose place our own float32 head takes.
    trunk = keras.Model(full.input, full.get_layer("logits").input)
    names = [layer.name for layer in trunk.layers]
    stem = names[names.index("conv_bn") + 1]  # the activation, with an automatic name
    if norm == "group":
        trunk = keras.models.clone_model(
            trunk, clone_function=_with_group_norm, call_function=_without_mask
        )
    trunk = relabelled(trunk, {**taps, stem: "stem"}, **batch_norm)
    x = keras.layers.Flatten(name="pre_logits")(trunk.output)
    logits = head(x, num_classes, dropout, initializer="glorot_uniform")
    return keras.Model(trunk.inputs[0], logits, name=f"mobilenet_v3_{size}")


def _with_group_norm(layer):
    if isinstance(layer, keras.layers.BatchNormalization):
        return GroupNorm(GROUPS, name=layer.name)
    return type(layer).from_config(layer.get_config())


def _without_mask(layer, *args, **kwargs):
    """Calls a layer as before; the graph remembers that batch norm was offered a mask."""
    if isinstance(layer, GroupNorm):
        kwargs.pop("mask", None)
    return layer(*args, **kwargs)
