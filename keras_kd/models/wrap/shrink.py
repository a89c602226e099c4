"""A smaller network cut out of a larger one, whose weights it starts from."""

import logging

from keras_kd.models.lite_speed import LiteSpeed
from keras_kd.models.wrap import importance as importances
from keras_kd.models.wrap.depth import shallower
from keras_kd.models.wrap.graph import calls_of, check_model, follow
from keras_kd.models.wrap.images import batches_of, checked_images
from keras_kd.models.wrap.norms import measure_norms
from keras_kd.models.wrap.rebuild import rebuilt
from keras_kd.models.wrap.refit import refit
from keras_kd.models.wrap.sizes import int8_bytes
from keras_kd.models.wrap.unquantize import refuse_rounded
from keras_kd.models.wrap.widths import CHOICES, check_share, shares_of, within
from keras_kd.utils.integers import check_integer
from keras_kd.utils.names import nearest

logger = logging.getLogger(__name__)
FEW = 64  # images by which blocks are tried
FEW_STEPS = 5  # halvings, where each candidate is converted and timed


def shrink(
    model,
    width=0.5,
    depth=1.0,
    importance="l1",
    images=None,
    *,
    choice="uniform",
    bytes=None,
    latency_ms=None,
    latency_of=None,
    input_shape=None,
    fit=True,
    seed=0,
):
    """Cuts a smaller network out of a larger one.

    Channels that must be cut together are found by following the graph: those of layers that are
    summed or multiplied, of depthwise kernels, of norms. The channels of the images and the
    classes are never cut. Norms over groups lose whole groups. Layer norm and weight
    standardisation look over what is left, and so change a little by any cut. With images, the
    kernels that read cut channels are fitted to give what they gave (He et al. 2017, arXiv
    1707.06168).

    Args:
        model: functional or `Sequential` Keras model of a convolutional network, with one input
            and one output; nested ones are opened. It is left as it is.
        width: share of each layer's channels that stays, in (0, 1]; or a dict from patterns of
            layer names to shares, such as {"*_expand_conv": 0.28, "head_conv": 0.4}, beside which
            all others stay whole. A layer whose channels must be cut with another's counts by
            either name.
        depth: share of the residual blocks that stays, in (0, 1], of those whose input is added to
            their output; those that change the logits least go.
        importance: "l1", "bn", "taylor", "regression" or "random", see
            `keras_kd.models.wrap.importance`.
        images: float array `[N, H, W, C]` of training images, by which kernels are fitted and batch
            norms measured anew after the cut; `taylor`, `regression` and a depth below 1 need them.
            None: kernels and norms keep what they had. A thousand fit better than a hundred; those
            with which a tensor would take more than half a gigabyte are left aside.
        choice: "uniform", the share of each layer; or "global", the most important of all layers,
            a tenth of each at least.
        bytes: largest size of the full-int8 file, estimated; the widths below 1 are made
            smaller, all alike, until it is met. None: they are as they are told.
        latency_ms: longest time of an image through the int8 file by LiteRT on one thread of this
            machine, measured; widths are found as for `bytes`, and with both, both hold.
        latency_of: function from a Keras model to those milliseconds; default: a
            `keras_kd.models.lite_speed.LiteSpeed`.
        input_shape: (height, width, channels) of the new network's images; default: the model's.
        fit: whether kernels are fitted and batch norms measured, where there are images.
        seed: of "random".

    Returns:
        A functional `keras.Model` of Keras's and this package's layers, of the same names, all
        trainable, with float32 logits.

    Raises:
        ValueError: a layer that there is no rule for, by name; a share that is none; a budget that
            is not met; images that are missing.
    """
    _check(depth, importance, choice, images)
    check_integer("seed", seed, least=0)
    check_model(model, "shrink")
    if images is not None:
        images = checked_images(images, input_shape or model.input_shape[1:])
    whole = model
    if depth < 1:
        whole = shallower(model, depth, images[:FEW], input_shape)
    network = calls_of(whole, input_shape)
    refuse_rounded(network, "shrink")
    follow(network)
    _tell_whole(network, width)
    gone = {layer.name for layer in model.layers} if depth < 1 else ()
    shares = shares_of(width, network.groups.peers, gone)
    found = importances.importance_of(network, importance, images, seed)

    def choose(scale):
        return CHOICES[choice](network.groups, found, shares, scale)

    def cut(scale):
        return rebuilt(network, choose(scale), f"{model.name}_shrunk")

    scale = 1.0
    if bytes is not None:
        scale = within(lambda s: int8_bytes(network, choose(s)), bytes, "bytes")
    if latency_ms is not None:
        latency_of = latency_of or LiteSpeed()
        scale = within(lambda s: latency_of(cut(s)[0]), latency_ms, "latency_ms", FEW_STEPS, scale)
    small, layers = cut(scale)
    if images is not None and fit:
        refit(network, choose(scale), layers, images)
        measure_norms(small, batches_of(images))
    return small


def _check(depth, importance, choice, images):
    check_share("depth", depth)
    importances.check(importance)
    if choice not in CHOICES:
        raise ValueError(
            f"choice must be one of {', '.join(CHOICES)}. Received: choice={choice!r}."
            f"{nearest(str(choice), CHOICES)}"
        )
    if images is None and (depth < 1 or importance in importances.BY_IMAGES):
        given = f"depth={depth}" if depth < 1 else f"importance={importance!r}"
        raise ValueError(
            "images must be given where blocks are dropped or importance is measured by them. "
            f"Received: images=None, {given}. Pass some training images."
        )


def _tell_whole(network, width):
    """Says so where what was to become smaller stays as it was."""
    if not network.groups.peers and width != 1:
        logger.warning(
            "shrink found no channels that it may cut between the images and the classes, in the "
            "layers %s: the network stays as wide as it was.",
            ", ".join(call.layer.name for call in network.calls),
        )
