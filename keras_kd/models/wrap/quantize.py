"""A network that is trained in few bits, so that what was trained is what a device runs."""

import numpy as np

from keras_kd.models.wrap.folded import folded
from keras_kd.models.wrap.graph import calls_of
from keras_kd.models.wrap.grids import BITS
from keras_kd.models.wrap.images import checked_images
from keras_kd.models.wrap.kept import names_in
from keras_kd.models.wrap.measured import SCHEMES, with_ranges
from keras_kd.models.wrap.quantized_layers import EIGHT, QUANTIZED, Quantized
from keras_kd.models.wrap.rebuild import copy_of, remade
from keras_kd.models.wrap.rules import rule_of
from keras_kd.models.wrap.unquantize import refuse_rounded
from keras_kd.utils.names import nearest

PLACES = ("first", "last")
NAME = "quantize_aware"
LARGEST = 2.0  # of a pixel: a resize may shoot over 1, other ranges go far beyond


def quantize_aware(
    model,
    weights=8,
    activations=8,
    scheme="lsq",
    keep=PLACES,
    images=None,
    *,
    input_shape=None,
):
    """Makes a network whose kernels and activations are rounded while it is trained.

    Batch norms are folded first. Then each kernel is on a grid, a step a channel that comes out,
    and each tensor that a device holds in 8 bits goes through a fake quantiser: what an int8 or
    int4 file of it answers is what it answers, to a step or two. Norms that measure each image
    stay in float.

    Args:
        model: functional or `Sequential` Keras model, with one input, images in [-1, 1], and one
            output, the logits; nested ones are opened. It is left as it is.
        weights: bits of a weight: 8, 4, 3 or 2. Depthwise and transposed convolutions have 8.
        activations: 8, or None: they stay floats.
        scheme: "lsq": steps are learned (Esser et al. 2019); or "minmax": they follow the largest
            weight and moving ranges (Jacob et al. 2017).
        keep: names of layers whose weights keep 8 bits; "first" and "last" stand for those.
        images: float array `[N, H, W, C]` of training images, on which the first ranges of
            activations are measured; None where these stay floats.
        input_shape: (height, width, channels) of the new network's images; default: the model's.

    Returns:
        A functional `keras.Model` in float32 with layers of the same names, that starts from the
        model's weights.

    Raises:
        ValueError: bits that no file holds; a layer to keep that is not there, with the nearest;
            images that are missing; a model of another form, or one that is in few bits already.

    References: Esser et al. 2019, arXiv 1902.08153; Jacob et al. 2017, arXiv 1712.05877.
    """
    _check(weights, activations, scheme, images)
    network = _checked_calls(calls_of(model, input_shape, NAME))
    if images is not None:
        _check_range(checked_images(images, network.images.shape[1:]))
    name = f"{model.name}_quantized"
    plain = folded(network, name)
    quantized = _with_grids(plain, weights, scheme, keep, name)
    if activations is None:
        return quantized
    return with_ranges(quantized, images, scheme)


def _check(weights, activations, scheme, images):
    if weights not in BITS or type(weights) is not int:
        raise ValueError(
            f"weights must be bits that a file can hold, one of {BITS}. Received: "
            f"weights={weights!r}. Three and two bits are stored as int4."
        )
    if activations not in (8, None) or isinstance(activations, float):
        raise ValueError(
            "activations must be 8 bits, which all integer files have, or None for floats. "
            f"Received: activations={activations!r}."
        )
    if scheme not in SCHEMES:
        raise ValueError(
            f"scheme must be one of {', '.join(SCHEMES)}. Received: scheme={scheme!r}."
            f"{nearest(str(scheme), SCHEMES)}"
        )
    if activations is not None and images is None:
        raise ValueError(
            "images must be given where activations are quantised: their first ranges are "
            f"measured on them. Received: images=None, activations={activations}. Pass some "
            "training images, or activations=None."
        )


def _check_range(images):
    """Refuses images of other pixel values, all of which would be 1 after rounding."""
    largest = np.abs(images).max()
    if largest > LARGEST:
        raise ValueError(
            "images must be in [-1, 1], which is what a file in few bits takes. Received: images "
            f"with numbers up to {largest:g}. Scale them, and give the model a Rescaling layer in "
            "front where it wants others."
        )


def _checked_calls(network):
    """Refuses what cannot be followed, or is in few bits already."""
    refuse_rounded(network, NAME)
    for call in network.calls:
        if isinstance(call.output, list | tuple | dict) or (
            getattr(call.layer, "data_format", None) == "channels_first"
        ):
            raise ValueError(
                f"{NAME} takes layers of one result, with channels last. Received: layer "
                f"{call.layer.name!r} of type {type(call.layer).__name__}. Quantise a network "
                "without it."
            )
        _check_kernel(call.layer)
    return network


def _check_kernel(layer):
    """Refuses a layer of another's making whose kernel would stay in floats."""
    kernels = [w.name for w in getattr(layer, "weights", ()) if len(w.shape) > 1]
    if kernels and rule_of(layer) is None:
        raise ValueError(
            f"{NAME} puts the kernels of Keras's convolutions and dense layers on grids. Received: "
            f"layer {layer.name!r} of type {type(layer).__name__}, whose {kernels[0]} would stay "
            "in floats. Quantise a network that has Keras's own layers in its place."
        )


def _with_grids(plain, weights, scheme, keep, name):
    """A folded model with every kernel on its grid."""
    network = calls_of(plain, wrapper=NAME)
    kept = _kept(network, keep)

    def change(layer, names):
        kind = QUANTIZED.get(type(layer))
        if kind is None:
            return copy_of(layer, {"trainable": layer.trainable}, names), layer.get_weights()
        eight = layer.name in kept or type(layer) in EIGHT
        changes = {"bits": 8 if eight else weights, "scheme": scheme, "trainable": layer.trainable}
        return copy_of(layer, changes, names, kind), layer.get_weights()

    model = remade(network, change, name)
    for layer in model.layers:
        if isinstance(layer, Quantized):
            layer.start()
    return model


def _kept(network, keep):
    """Names of the layers that keep 8 bits."""
    names = [call.layer.name for call in network.calls if type(call.layer) in QUANTIZED]
    lower = [call.layer.name for call in network.calls
             if type(call.layer) in QUANTIZED and type(call.layer) not in EIGHT]  # fmt: skip
    keep = names_in(keep)
    for one in keep:
        if one not in (*PLACES, *names):
            raise ValueError(
                f"keep must be names of layers with a kernel, or {' and '.join(PLACES)}. Received: "
                f"{one!r}.{nearest(one, [*PLACES, *names])} There are: {', '.join(names)}."
            )
    places = dict(zip(PLACES, (lower[:1], lower[-1:])))
    return {name for one in keep for name in places.get(one, [one])}
