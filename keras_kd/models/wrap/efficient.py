"""A network with cheaper operations in place of its convolutions, whose weights it starts from."""

import fnmatch
import logging

import numpy as np
from keras import layers

from keras_kd.models.folding import folded_weights
from keras_kd.models.layers import StandardizedConv2D
from keras_kd.models.wrap.factors import between_relus, factors
from keras_kd.models.wrap.graph import calls_of, check_model
from keras_kd.models.wrap.images import batches_of, checked_images
from keras_kd.models.wrap.kept import names_in
from keras_kd.models.wrap.norms import measure_norms
from keras_kd.models.wrap.points import function_of, passes
from keras_kd.models.wrap.rebuild import copy_of, dtypes_of, in_parts, taken
from keras_kd.models.wrap.refit import fit_through
from keras_kd.models.wrap.unquantize import refuse_rounded
from keras_kd.models.wrap.walk import rows_of
from keras_kd.utils.integers import check_integer
from keras_kd.utils.names import nearest

logger = logging.getLogger(__name__)
NAME = "efficient"
FEW = 4  # channels that go in, of a convolution that is left: a stem's colours
CONVOLUTIONS = (layers.Conv2D, StandardizedConv2D)  # exactly these: a subclass may do anything
POSITIVE = ("relu", "relu6", "sigmoid", "softmax")
POOLING = (layers.AveragePooling2D, layers.MaxPooling2D)
ONE_PIXEL = {"kernel_size": 1, "strides": 1, "padding": "valid", "dilation_rate": 1}


def efficient(
    model,
    operation="separable",
    rank=1,
    keep=(),
    images=None,
    *,
    input_shape=None,
    fit=True,
):
    """Puts cheaper operations in the place of convolutions of several pixels.

    Replaced are convolutions over all channels, of more than four of them, with or without weight
    standardisation, which is applied once. Each becomes the nearest product of a depthwise and a
    pointwise kernel, and so starts from the weights that it had; strides, padding, dilation, bias
    and activation stay. With images, the pointwise kernels are fitted to give what the
    convolutions gave, one after the other, and batch norms are measured anew.

    Args:
        model: functional or `Sequential` Keras model, with one input and one output; nested ones
            are opened. It is left as it is.
        operation: "separable": a depthwise convolution, then one of a pixel (Chollet 2017); or
            "inverted_bottleneck": one of a pixel to more channels, a ReLU, a depthwise one, a ReLU,
            and one of a pixel (Sandler et al. 2018), which starts as the same product: behind a
            ReLU the expansion is twice the rank, elsewhere four times.
        rank: products a channel, an int >= 1. That of all pixels of a kernel, 9 for 3x3, is exact,
            and larger than the convolution.
        keep: names of convolutions that stay, or patterns of them, such as "stage1_*".
        images: float array `[N, H, W, C]` of training images; None: nothing is fitted.
        input_shape: (height, width, channels) of the new network's images; default: the model's.
        fit: whether kernels are fitted and batch norms measured, where there are images.

    Returns:
        A functional `keras.Model` with layers of the same names, and before each replaced one
        `NAME_depthwise` and `NAME_expand`; all trainable, with float32 logits.

    Raises:
        ValueError: an operation, a rank or a layer to keep that is none; a network without such
            convolutions; one that has no cheaper form, by name.

    References: Chollet 2017, arXiv 1610.02357; Sandler et al. 2018, arXiv 1801.04381.
    """
    _check(operation, rank)
    check_model(model, NAME)
    if images is not None:
        images = checked_images(images, input_shape or model.input_shape[1:])
    network = calls_of(model, input_shape, NAME)
    refuse_rounded(network, NAME)
    replaced = _replaced(network, keep, model.name)
    made_by = {id(call.output): call for call in network.calls}
    names, dtypes = set(), dtypes_of(network)

    def parts_of(call):
        dtype = {"dtype": dtypes[id(call.layer)]}
        if id(call.layer) in replaced:
            positive = is_positive(call.tensors[0], made_by)
            return OPERATIONS[operation](call, rank, positive, names, dtype)
        return [(copy_of(call.layer, dtype, names), call.layer.get_weights())]

    small, parts = in_parts(network, parts_of, f"{model.name}_{NAME}")
    if images is not None and fit:
        _fit(network, parts, replaced, images)
        measure_norms(small, batches_of(images))
    _tell_larger(model, small)
    return small


def _check(operation, rank):
    if operation not in OPERATIONS:
        raise ValueError(
            f"operation must be one of {', '.join(OPERATIONS)}. Received: operation={operation!r}."
            f"{nearest(str(operation), OPERATIONS)}"
        )
    check_integer("rank", rank, advice="It is how many products each channel has; 1 is smallest.")


def _replaced(network, keep, name):
    """ids of the layers that get another form."""
    found = {call.layer.name: call.layer for call in network.calls if _is_wide(call.layer)}
    keep = names_in(keep)
    for pattern in keep:
        if not fnmatch.filter(found, pattern):
            raise ValueError(
                "keep must be names, or patterns of names, of convolutions that would be replaced. "
                f"Received: {pattern!r}.{nearest(pattern, found)} There are: "
                f"{', '.join(found) or 'none'}."
            )
    chosen = {
        id(layer): layer
        for other, layer in found.items()
        if not any(fnmatch.fnmatch(other, pattern) for pattern in keep)
    }
    if not chosen:
        raise ValueError(
            f"{NAME} replaces convolutions of several pixels over all of more than {FEW} channels. "
            f"Received: model={name!r}, which has none{' besides those to keep' * bool(found)}. "
            "Train it as it is, or cut it by shrink."
        )
    for layer in chosen.values():
        _check_form(layer)
    return chosen


def _is_wide(layer):
    if type(layer) not in CONVOLUTIONS:
        return False
    return layer.groups == 1 and max(layer.kernel_size) > 1 and layer.kernel.shape[2] > FEW


def _check_form(layer):
    """Refuses what TensorFlow has no depthwise convolution for."""
    if layer.data_format == "channels_first" or len(set(layer.strides)) > 1:
        raise ValueError(
            f"{NAME} replaces convolutions with channels last and the same stride both ways. "
            f"Received: layer {layer.name!r} with strides={layer.strides}, "
            f"data_format={layer.data_format!r}. Leave it as it is by keep=({layer.name!r},)."
        )


def _separable(call, rank, positive, names, dtype):
    last, kernel, bias = _pointwise(call.layer, names, dtype)
    depthwise, pointwise = factors(kernel, rank)
    options = {"depth_multiplier": depthwise.shape[-1], "use_bias": False}
    first = _depthwise(call.layer, last.name, names, {**options, **dtype})
    return [(first, [depthwise]), (last, [pointwise, *bias])]


def _inverted_bottleneck(call, rank, positive, names, dtype):
    last, kernel, bias = _pointwise(call.layer, names, dtype)
    expand, depthwise, pointwise = between_relus(*factors(kernel, rank), positive)
    count, options = expand.shape[-1], {"activation": "relu", **dtype}
    name = taken(f"{last.name}_expand", names)
    first = layers.Conv2D(count, 1, name=name, **options)
    second = _depthwise(call.layer, last.name, names, options)
    weights = [expand, np.zeros(count)], [depthwise, np.zeros(count)], [pointwise, *bias]
    return list(zip((first, second, last), weights))


OPERATIONS = {"separable": _separable, "inverted_bottleneck": _inverted_bottleneck}


def _pointwise(layer, names, dtype):
    """(a layer of the same name that looks at one pixel, the kernel in use, list of its bias)."""
    kernel, bias = folded_weights(layer)
    last = copy_of(layer, {**ONE_PIXEL, **dtype}, names, layers.Conv2D)
    return last, kernel, [] if bias is None else [bias]


def _depthwise(layer, name, names, options):
    config = layer.get_config()
    shared = {key: config[key] for key in ("kernel_size", "strides", "padding", "dilation_rate")}
    return layers.DepthwiseConv2D(name=taken(f"{name}_depthwise", names), **shared, **options)


def is_positive(tensor, made_by):
    """Whether nothing negative is in a tensor, as its network tells it.

    Args:
        tensor: symbolic tensor.
        made_by: dict from the `id` of a tensor to the `Call` that gives it.
    """
    call = made_by.get(id(tensor))
    while call is not None and (passes(call.layer) or type(call.layer) in POOLING):
        call = made_by.get(id(call.tensors[0]))
    if call is None:
        return False
    own = getattr(getattr(call.layer, "activation", None), "__name__", "")
    return function_of(call.layer) in POSITIVE or own in POSITIVE


class _Row:
    """Several layers as one."""

    def __init__(self, parts):
        self.parts = parts

    def before_last(self, x):
        for layer in self.parts[:-1]:
            x = layer(x)
        return x

    def __call__(self, x):
        return self.parts[-1](self.before_last(x))


def _fit(network, parts, replaced, images):
    """Fits the pointwise kernels to what the convolutions gave, and measures norms on the way."""

    def rows(call, row, there, here):
        if id(call.layer) not in replaced:
            return None
        wanted = call.layer.convolution_op(there, call.layer.kernel)
        return row.parts[-1], rows_of(row.before_last(here)), rows_of(wanted)

    instead = {key: row[0] if len(row) == 1 else _Row(row) for key, row in parts.items()}
    fit_through(network, instead, images, rows)


def _tell_larger(model, small):
    if small.count_params() >= model.count_params():
        logger.warning(
            "efficient made %s no smaller: %s parameters, %s before. A smaller rank makes it so.",
            model.name, f"{small.count_params():,}", f"{model.count_params():,}",
        )  # fmt: skip
