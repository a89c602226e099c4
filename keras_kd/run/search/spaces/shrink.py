"""What is cut out of the teacher: a width for the layers at each size of maps, and the depth."""

from keras_kd.models.wrap.depth import branches
from keras_kd.models.wrap.graph import calls_of, follow

LEAST_SIDE = 16
BUDGETS = ("bytes", "latency_ms")  # which the search keeps itself


def draw(trial, given):
    """Arguments of `keras_kd.models.shrink`; channels that are cut together have one width."""
    network = follow(calls_of(given.teacher()))
    shares, width = {}, {}
    for name, size in layers_by_size(network).items():
        if size not in shares:
            shares[size] = trial.suggest_float(f"shrink_width_{size}", 0.1, 1.0, step=0.05)
        width[name] = shares[size]
    kwargs = {key: value for key, value in given.kwargs.items() if key not in BUDGETS}
    if branches(network):
        kwargs["depth"] = trial.suggest_categorical("shrink_depth", [1.0, 0.75, 0.5])
    return {**kwargs, "width": width}


def layers_by_size(network):
    """The first layer of all channels that may be cut: dict from its name to its map's height.

    Args:
        network: `keras_kd.models.wrap.graph.Network`, followed.

    Returns:
        dict from str to int, or to "flat" where there is no map; in the order of the layers.
    """
    sizes = {}
    for call in network.first_calls().values():
        shape = call.shape
        sizes[call.layer.name] = shape[1] if len(shape) == 4 else "flat"
    return {peers.layers[0]: sizes[peers.layers[0]] for peers in network.groups.peers}
