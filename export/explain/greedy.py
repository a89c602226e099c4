"""Which layers to keep in float32: one after the other, the one that helps most."""

GAIN = 0.5  # dB that a further layer must give


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
    while offered and len(path) <= most and path[-1]["agreement"] < enough:
        best = max(offered, key=lambda one: (one["sqnr_db"], one["agreement"]))
        if best["sqnr_db"] < path[-1]["sqnr_db"] + GAIN:
            break
        path.append(best)
        kept = tuple(best["keep"])
        rest = [name for name in candidates if name not in kept]
        if path[-1]["agreement"] < enough and len(path) <= most:
            offered = [_told(measure, (*kept, name)) for name in rest]
    return singles, path


def _told(measure, keep):
    return {**measure(keep), "keep": list(keep)}
