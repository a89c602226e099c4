"""Importance by forward regression: the channels from which a layer's output is best rebuilt.

Channel after channel is taken that explains most of what those before leave unexplained of the
outputs of the layer that reads them. After ThiNet (Luo et al. 2017, arXiv 1707.06342), which takes
away where this adds, so that channels of one content are not all kept.
"""

import numpy as np

from keras_kd.models.wrap.walk import Walk, few_enough, is_fitted, rows_in, rows_out

NOTHING = 1e-7  # a share that tells no channel from another
EPSILON = 1e-3  # of the mean variance: what is left of a channel then is noise


def regression(network, images, instead):
    """How much of what its readers give each channel group explains beside the better ones.

    Args:
        network: `Network` that `follow` gave.
        images: float array `[N, H, W, C]`; more than fit into memory are left aside.
        instead: float array `[groups]`, for the peers of which no reader can be fitted.

    Returns:
        float64 array `[groups]`: shares of the variance, summed over the readers.
    """
    groups, images = network.groups, few_enough(network, images)
    found, read = np.zeros(groups.count), np.zeros(groups.count, bool)
    walk = Walk(network, images)
    for call in network.calls:
        if is_fitted(call) and len(call.ins[0]) > 1:
            shares = forward_shares(*_explained(call.layer, walk.value(call.tensors[0])))
            ids = groups.group_of[call.ins[0]]
            np.add.at(found, ids, shares)
            read[ids] = True
        walk.step(call)
    for peers in groups.peers:
        if not read[peers.groups].all():
            found[peers.groups] = instead[peers.groups]
    return found


def _explained(layer, x):
    """(values of each channel, what they explain): `[M, C]`, `[M, D]`, of mean 0."""
    rows, count = rows_in(layer, x), x.shape[-1]
    if rows.shape[1] == count:
        rows, out = rows, rows_out(layer, x)
    else:
        # One output of each place, as ThiNet does: what each channel adds to it.
        kernel = np.asarray(layer.kernel).reshape(-1, count, layer.filters)
        at = np.random.default_rng(0).integers(layer.filters, size=len(rows))
        rows = np.einsum("mtc,tcm->mc", rows.reshape(len(rows), -1, count), kernel[..., at])
        out = rows.sum(axis=1, keepdims=True)
    return rows - rows.mean(axis=0), out - out.mean(axis=0)


def forward_shares(x, y):
    """What share of y each column of x explains when it is taken in its turn.

    Columns are taken in the order of what they explain, by a pivoted Cholesky factor of their
    products.

    Args:
        x: `[M, C]`.
        y: `[M, D]`.

    Returns:
        float64 `[C]`, falling in the order in which they are taken, in [0, 1].
    """
    gram, cross = (np.asarray(x.T @ other, "float64") for other in (x, y))
    count, total = len(gram), max(float((y**2).sum()), np.finfo(float).tiny)
    gram[np.diag_indices(count)] += EPSILON * np.trace(gram) / count + np.finfo(float).tiny
    left, free = np.diag(gram).copy(), np.ones(count, bool)
    factor, shares, least = np.zeros((count, count)), np.zeros(count), 1.0
    for step in range(count):
        gains = np.where(free, (cross**2).sum(axis=1) / left, -1.0)
        one = int(gains.argmax())
        free[one] = False
        # Never more than the one before, so that the shares tell the order.
        shares[one] = least = min(least, gains[one] / total)
        if least < NOTHING:
            break
        root = np.sqrt(left[one])
        column = (gram[:, one] - factor[:, :step] @ factor[one, :step]) / root
        factor[:, step] = column
        cross = cross - np.outer(column, cross[one] / root)
        left = np.maximum(left - column**2, np.finfo(float).tiny)
    return shares
