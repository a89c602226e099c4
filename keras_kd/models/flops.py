"""How large a network is: parameters, and floating-point operations of one pass."""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import keras

from keras_kd.models.host import HostModule
from keras_kd.models.hub import HubModule
from keras_kd.models.taps import flat_calls

KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")
TRANSPOSED = (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose)


class Size(NamedTuple):
    """What `size` found.

    Attributes:
        parameters: number of weights, those that no gradient moves included.
        flops: operations of one forward pass of one image; None where they cannot be known.
    """

    parameters: int
    flops: int | None


def flops(model):
    """Counts floating-point operations of one forward pass of one image.

    Two for each multiply-add of convolutions (depthwise, transposed and separable ones too) and
    dense layers, and of attention; normalisation, activations, pooling and sums are left out, as is
    usual. A layer that is called twice counts twice.

    Args:
        model: functional Keras model with known image sides, nested ones included.

    Returns:
        int; None for a model that holds what has no layers to look into (a hub module, a
        file that another runtime runs, a model without a functional graph).
    """
    try:
        _, calls, _ = flat_calls(model)
    except ValueError:  # no functional graph
        return None
    if any(isinstance(operation, HubModule | HostModule) for operation, *_ in calls):
        return None
    return sum(_of_call(operation, args, output) for operation, args, _, output in calls)


def _of_call(operation, args, output):
    own = getattr(operation, "multiplications", None)  # of layers that multiply without a kernel
    multiplications = own(args[0].shape) if own else 0
    for name in KERNELS:
        kernel = getattr(operation, name, None)
        if kernel is None:
            continue
        # Every kernel is applied once to each pixel of the output; a transposed one of the input.
        transposed = isinstance(operation, TRANSPOSED)
        shape = args[0].shape if transposed else output.shape
        multiplications += math.prod(shape[1:-1]) * math.prod(kernel.shape)
    return 2 * multiplications


def size(model):
    """The `Size` of a Keras model."""
    return Size(model.count_params(), flops(model))


def size_without_weights(build):
    """The sizes of networks that are not made: no memory is taken for their weights.

    Args:
        build: function that builds the networks and returns one model or a tuple of them. Its
            models are gone afterwards.

    Returns:
        a `Size`, or a tuple of them.
    """

    def count():
        # Variables stay shapes in this scope, and are not made at its end.
        with keras.StatelessScope(initialize_variables=False):
            built = build()
            return tuple(map(size, built)) if isinstance(built, tuple) else size(built)

    # Keras keeps a list of such variables, to make them later, for each thread: this one ends.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(count).result()
