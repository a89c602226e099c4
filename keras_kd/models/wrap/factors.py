"""A kernel as a few products of a depthwise one and a pointwise one, the nearest that there are."""

import numpy as np


def factors(kernel, rank):
    """The nearest sum of products of pixels and outputs for each channel that goes in.

    A channel's share of a kernel is a matrix `[h * w, out]`; the first terms of its singular value
    decomposition are the nearest matrix of that rank (Eckart and Young 1936), and channels do not
    meet. A rank of min(h * w, out) is exact.

    Args:
        kernel: array `[h, w, in, out]`.
        rank: terms a channel, an int >= 1; those beyond the exact ones are left out.

    Returns:
        (depthwise `[h, w, in, rank]`, pointwise `[1, 1, in * rank, out]`): float64 arrays, of which
        each term has the same size in either, as `keras.layers.SeparableConv2D` holds them.
    """
    height, width, count, out = kernel.shape
    rank = exact_rank(kernel.shape, rank)
    matrices = np.asarray(kernel, "float64").transpose(2, 0, 1, 3).reshape(count, -1, out)
    left, values, right = np.linalg.svd(matrices, full_matrices=False)
    roots = np.sqrt(values[:, :rank])
    depthwise = (left[..., :rank] * roots[:, None]).transpose(1, 0, 2)
    pointwise = right[:, :rank] * roots[..., None]
    return (
        depthwise.reshape(height, width, count, rank),
        pointwise.reshape(1, 1, count * rank, out),
    )


def exact_rank(shape, rank):
    """The rank, or that with which a kernel of this shape is exact where it is smaller."""
    height, width, _, out = shape
    return min(rank, height * width, out)


def between_relus(depthwise, pointwise, positive):
    """The same product with a ReLU before and behind the depthwise kernel, in more channels.

    x = relu(x) - relu(-x): each term is there once for each sign of what comes out of the
    depthwise kernel, and, unless nothing negative goes in, of what goes in.

    Args:
        depthwise, pointwise: as `factors` gives them.
        positive: whether nothing negative goes in.

    Returns:
        (expand `[1, 1, in, C]`, depthwise `[h, w, C, 1]`, pointwise `[1, 1, C, out]`): float64.
    """
    height, width, count, rank = depthwise.shape
    expand = np.repeat(np.eye(count), rank, axis=1)[None, None]
    depthwise = depthwise.reshape(height, width, count * rank, 1)
    inner, outer = zip(*[(i, o) for i in ((1,) if positive else (1, -1)) for o in (1, -1)])
    return (
        np.concatenate([i * expand for i in inner], axis=3),
        np.concatenate([i * o * depthwise for i, o in zip(inner, outer)], axis=2),
        np.concatenate([o * pointwise for o in outer], axis=2),
    )
