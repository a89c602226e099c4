"""Layers that a user keeps in float32 in a file of integers, as operators of its graph."""

from keras_kd.export import lite_file
from keras_kd.export.layer_names import layer_of
from keras_kd.export.network import layers_of
from keras_kd.utils.names import nearest


def nodes_by_layer(measured, model):
    """Which operators of a graph are of which layer.

    Args:
        measured: bytes of a TFLite file.
        model: the student, a Keras model.

    Returns:
        dict: name of a layer -> names of the tensors that its operators give, in the order of the
        graph. Layers that the converter merged into others are not there.
    """
    names = {layer.name for layer in layers_of(model)}
    found = {}
    for tensor in lite_file.given_tensors(measured):
        found.setdefault(layer_named(tensor, names, model), []).append(tensor)
    return found


def layer_named(tensor, names, model):
    """As `layer_of`; the answers are those of the model's last layer, where it tells which."""
    if not tensor.startswith("StatefulPartitionedCall"):
        return layer_of(tensor, names)
    last = (getattr(model, "output_names", None) or [""])[-1]
    return last if last in names else layer_of(tensor, names)


def chosen_nodes(measured, model, layers):
    """Names of the tensors of some layers.

    Args:
        measured: as of `nodes_by_layer`.
        model: as of `nodes_by_layer`.
        layers: iterable of names.

    Returns:
        set of str.

    Raises:
        ValueError: a name that is no layer of the graph, with the nearest.
    """
    known = nodes_by_layer(measured, model)
    found = set()
    for name in layers:
        if name not in known:
            own = name in {layer.name for layer in layers_of(model)}
            why = ", which the converter merged into another or left out" if own else ""
            raise ValueError(
                "keep_float must name layers that have operators of their own in the file: "
                f"{', '.join(known)}. Received: {name!r}{why}.{nearest(name, known)}"
            )
        found |= set(known[name])
    return found
