"""Which channel groups stay: a share of each layer's, or the most important of all."""

from fnmatch import fnmatch

import numpy as np

from keras_kd.utils.names import nearest

NARROWEST = 1e-9  # scale at which one channel is left of each layer that is cut


def check_share(name, value):
    """Refuses what is no share in (0, 1]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise ValueError(
            f"{name} must be a share above 0 and at most 1. Received: {name}={value!r}. Use 1 to "
            "cut nothing."
        )


def shares_of(width, peers, gone=()):
    """The share of each of the `Peers` that may stay.

    Args:
        width: a share, or a dict from a pattern of layer names, as `*_expand_conv`, to a share:
            the first that matches a layer which makes the channels counts, and others stay whole.
        peers: list of `Peers`.
        gone: names of layers that were dropped with their blocks, for which a share is nothing.

    Returns:
        list of float.

    Raises:
        ValueError: a share that is none, or a pattern that no layer has.
    """
    patterns = dict(width) if hasattr(width, "items") else {"*": width}
    names = sorted({name for one in peers for name in one.layers})
    for pattern, share in patterns.items():
        check_share("width" if not hasattr(width, "items") else f"width[{pattern!r}]", share)
        if peers and not any(fnmatch(name, pattern) for name in (*names, *gone)):
            raise ValueError(
                "width must name layers whose channels can be cut. Received: "
                f"{pattern!r}.{nearest(pattern, names)} There are {', '.join(names)}."
            )
    return [
        next((s for p, s in patterns.items() if any(fnmatch(n, p) for n in one.layers)), 1.0)
        for one in peers
    ]


def uniform(groups, importance, shares, scale=1.0):
    """The most important of each layer's.

    Args:
        groups: `Groups`.
        importance: float array, one a group.
        shares: list of float, one for each of `groups.peers`.
        scale: makes all shares below 1 smaller.

    Returns:
        bool array: which groups stay, one at least of all peers.
    """
    keep = np.ones(groups.count, bool)
    for peers, share in zip(groups.peers, shares):
        left = max(1, round(len(peers) * (share if share == 1 else share * scale)))
        keep[_least(peers, importance)[: len(peers) - left]] = False
    return keep


def ranked(groups, importance, shares, scale=1.0, floor=0.1):
    """The most important of all, as many as the shares make; every layer keeps its floor.

    Arguments and result as `uniform`'s. Importance counts relative to the mean of the peers.

    Args:
        floor: least share that each layer keeps.
    """
    keep = np.ones(groups.count, bool)
    candidates, cut = [], 0
    for peers, share in zip(groups.peers, shares):
        if share == 1:
            continue
        count = len(peers)
        cut += count - max(1, round(count * share * scale))
        order = _least(peers, importance)
        mean = max(importance[peers.groups].mean(), np.finfo(float).tiny)
        free = order[: count - max(1, int(np.ceil(count * min(floor, share))))]
        candidates += [(importance[one] / mean, int(one)) for one in free]
    for _, one in sorted(candidates)[:cut]:
        keep[one] = False
    return keep


def _least(peers, importance):
    """Group numbers, the least important first; of equal ones the last."""
    return peers.groups[::-1][np.argsort(importance[peers.groups][::-1], kind="stable")]


CHOICES = {"uniform": uniform, "global": ranked}


def within(cost, limit, what, steps=12, widest=1.0):
    """The largest scale of the widths within a budget, by halving.

    Args:
        cost: function from a scale in (0, 1] to what it costs; the larger the scale, the more.
        limit: the budget, a number above 0.
        what: name of the argument that is the budget.
        steps: halvings.
        widest: scale to begin with.

    Returns:
        float, a scale whose cost has been found to be within the budget.

    Raises:
        ValueError: no number, or not even the narrowest is within it; says what that costs.
    """
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0:
        raise ValueError(
            f"{what} must be a number above 0. Received: {what}={limit!r}. Give a larger one, or "
            "leave it out."
        )
    if cost(widest) <= limit:
        return widest
    low, high = 0.0, widest
    for _ in range(steps):
        middle = (low + high) / 2
        if cost(middle) <= limit:
            low = middle
        else:
            high = middle
    if low:
        return low
    least = cost(NARROWEST)
    if least > limit:
        raise ValueError(
            f"A budget must be one that a cut network meets. Received: {what}={limit:g}; the "
            f"narrowest that these widths allow needs {least:g}. Raise it, let more channels be "
            "cut, or drop blocks with depth."
        )
    return NARROWEST
