"""Which layers to keep in float32: one after the other, the one that helps most."""

GAIN = 0.5  # dB that further layers must give


def search(candidates, measure, enough, most=6):
    """Adds layers as long as they help.

    Args:
        candidates: names of layers, the likeliest first.
        measure: function of a tuple of names to a dict with `agreement`, in [0, 1], and `sqnr_db`,
            of the answers.
        enough: agreement at which no further layer is asked for.
        most: layers at most.

    Returns:
        (singles, path): lists of what was measured, each dict with its `keep`, a list of names;
        `singles` of each candidate alone, `path` of the layers added one by one, from none.
    """
    singles = [_told(measure, (name,)) for name in candidates]
    path = [_told(measure, ())]
    offered = singles
    while offered and path[-1]["agreement"] < enough:
        path.append(max(offered, key=lambda one: (one["sqnr_db"], one["agreement"])))
        kept = tuple(path[-1]["keep"])
        rest = [name for name in candidates if name not in kept]
        if path[-1]["agreement"] >= enough or len(path) > most:
            break
        offered = [_told(measure, (*kept, name)) for name in rest]
    return singles, path[: _useful(path, enough)]


def _useful(path, enough):
    """How much of a path is worth its layers: one that helps little may lead to one that helps."""
    if path[-1]["agreement"] >= enough:
        return len(path)
    last = 0
    for place, one in enumerate(path):
        if one["sqnr_db"] >= path[last]["sqnr_db"] + GAIN:
            last = place
    return last + 1


def _told(measure, keep):
    return {**measure(keep), "keep": list(keep)}
