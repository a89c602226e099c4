"""Files of the adapters alone, which are put into the same transformer again."""

import hashlib
import json

import numpy as np

from keras_kd.models.npz import listed, read_arrays
from keras_kd.models.wrap.bypass import Bypass
from keras_kd.models.wrap.convpass import WHERE, convpass, heads_of
from keras_kd.models.wrap.graph import calls_of
from keras_kd.utils.files import write_atomically

OPTIONS, DIGEST = "options", "frozen_sha256"  # what a file holds beside weights
ADVICE = "Free some space or choose another path, then save again."


def save_adapters(model, path):
    """Writes what of a network with adapters has learned: these and the classifier.

    Args:
        model: what `convpass` made, trained or not, such as a run's `student.keras`.
        path: the `.npz` file, of one array a weight, named as
            `block1_attention_convpass/down/kernel` and `logits/kernel`, what `convpass` was given,
            and the SHA-256 of the transformer's frozen weights.

    Raises:
        ValueError: a model without adapters, or a path of another ending.
        OSError: it cannot be written.
    """
    if not str(path).endswith(".npz"):
        raise ValueError(f"path must end in .npz. Received: path={str(path)!r}.")
    network = calls_of(model, wrapper="save_adapters")
    adapters = _adapters(network)
    if not adapters:
        raise ValueError(
            "save_adapters takes what keras_kd.models.convpass made. Received: "
            f"model={model.name!r}, which has no adapters. Save it as a whole: model.save(...)."
        )
    first = next(iter(adapters.values()))
    places = {name.rsplit("_", 2)[1] for name in adapters}
    options = {
        "dim": first.dim,
        "scale": first.scale,
        "where": WHERE[0] if "mlp" in places else WHERE[1],
        "init": first.init,
    }
    arrays = {name: np.asarray(weight) for name, weight in _trained(network, model).items()}
    arrays[OPTIONS] = np.array(json.dumps(options))
    arrays[DIGEST] = np.array(_digest(network, model))
    write_atomically(path, lambda file: np.savez(file, **arrays), advice=ADVICE)


def load_adapters(model, path):
    """Puts adapters, and the classifier that they have learned with, into their transformer.

    Args:
        model: the Keras model that `convpass` was given, of the file's classes; its own classifier
            is not looked at. It is left as it is.
        path: what `save_adapters` wrote.

    Returns:
        A functional `keras.Model` as `convpass` makes one.

    Raises:
        ValueError: another file, a transformer of other weights, or other classes.
    """
    arrays = read_arrays(path)
    if not {OPTIONS, DIGEST} <= arrays.keys():
        raise ValueError(
            f"path must be a file of keras_kd.models.save_adapters. Received: path={str(path)!r}, "
            f"without {OPTIONS!r} and {DIGEST!r}. A published network is read by load_vit_npz."
        )
    options, digest = json.loads(arrays.pop(OPTIONS).item()), arrays.pop(DIGEST).item()
    made = convpass(model, **options)
    network = calls_of(made, wrapper="load_adapters")
    own = _digest(network, made)
    if own != digest:
        raise ValueError(
            "Adapters fit the transformer that they have learned in, to the last bit. Received: "
            f"model={model.name!r}, whose weights have the SHA-256 {own[:12]}..., for "
            f"path={str(path)!r}, which was saved beside {digest[:12]}.... Give the network that "
            "convpass was given then."
        )
    weights = _trained(network, made)
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    problems = [
        f"{name} (file {arrays[name].shape if name in arrays else 'none'}, "
        f"network {shapes.get(name, 'none')})"
        for name in sorted(arrays.keys() | shapes.keys())
        if name not in arrays or shapes.get(name) != arrays[name].shape
    ]
    if problems:
        raise ValueError(
            f"the file must hold the network's classifier. Received: path={str(path)!r} for "
            f"model={model.name!r}: {listed(problems)}. Build the transformer with as many classes."
        )
    for name, weight in weights.items():
        weight.assign(arrays[name])
    return made


def _adapters(network):
    layers = [call.layer for call in network.calls]
    return {layer.name: layer for layer in layers if isinstance(layer, Bypass)}


def _trained(network, model):
    """The variables that a file holds, dict by name."""
    found = {}
    for name, adapter in _adapters(network).items():
        found |= {f"{name}/{part.name}": part for part in adapter.parts}
    found |= {layer.name: layer for layer in heads_of(network, model).values()}
    return {f"{name}/{w.name}": w for name, layer in found.items() for w in layer.weights}


def _digest(network, model):
    """SHA-256 of the names, shapes and values of all weights that are frozen."""
    heads, digest, seen = heads_of(network, model), hashlib.sha256(), set()
    for layer in (call.layer for call in network.calls):
        if isinstance(layer, Bypass) or id(layer) in heads or id(layer) in seen:
            continue
        seen.add(id(layer))
        for weight in getattr(layer, "weights", ()):
            values = np.ascontiguousarray(weight)
            digest.update(f"{layer.name}/{weight.name}{values.shape}{values.dtype}".encode())
            digest.update(values.tobytes())
    return digest.hexdigest()
