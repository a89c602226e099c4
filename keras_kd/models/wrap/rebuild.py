"""A network built anew with the channels that are kept."""

import inspect

import keras
import numpy as np


def rebuilt(network, keep, name):
    """A functional model of its own layers, whose weights are those of the kept channels.

    Args:
        network: `Network` that `follow` gave.
        keep: bool array, one a channel group.
        name: of the new model.

    Returns:
        (a `keras.Model` from images to float32 logits, all of it trainable, with layers of the
        same names, which have the dtype policy that is set, the classifier float32; dict from the
        `id` of a layer of the network to its copy).

    Raises:
        ValueError: a layer that is called again with another number of channels.
    """
    kept = lambda ids: int(keep[network.groups.group_of[ids]].sum())  # noqa: E731
    dtypes = dtypes_of(network)
    images = keras.Input(network.images.shape[1:], name="image")
    made, copies, configs, names = {id(network.images): images}, {}, {}, set()
    for call in network.calls:
        layer = call.layer
        if isinstance(layer, keras.layers.Layer):
            changes = call.rule.config(call, kept)
            if configs.setdefault(id(layer), changes) != changes:
                raise ValueError(
                    "A layer that is called twice must see the same number of channels each time. "
                    f"Received: layer {layer.name!r}. Give each place a layer of its own."
                )
            if id(layer) not in copies:
                copies[id(layer)] = copy_of(layer, {**changes, "dtype": dtypes[id(layer)]}, names)
            layer = copies[id(layer)]
        made[id(call.output)] = call.again(made, layer)
    model = keras.Model(images, made[id(network.logits)], name=name)
    for call in network.first_calls().values():
        if id(call.layer) in copies:
            kept_channels = keep[network.groups.group_of]
            copies[id(call.layer)].set_weights(cut_weights(call, kept_channels))
    return model, copies


def dtypes_of(network):
    """dict from the `id` of a layer to the dtype policy of one in its place.

    That is the one that is set, but float32 for the classifier and what follows it.
    """
    policy, calls = keras.mixed_precision.dtype_policy().name, network.calls
    weighted = (i for i, call in enumerate(calls) if getattr(call.layer, "weights", ()))
    last = max(weighted, default=0)
    found = {}
    for index, call in enumerate(calls):
        found.setdefault(id(call.layer), "float32" if index >= last else policy)
    return found


def in_parts(network, parts_of, name, dtype="float32", gone=()):
    """A functional model in which each layer is one or several in a row.

    Args:
        network: `Network` that `calls_of` gave.
        parts_of: function of the first `Call` of a layer to a list of (new layer, its weights).
        name: of the new model.
        dtype: of its images.
        gone: ids of calls that are left out.

    Returns:
        (a `keras.Model`; dict from the `id` of a layer to the list of those in its place).
    """
    images = keras.Input(network.images.shape[1:], name="image", dtype=dtype)
    made, parts, weights = {id(network.images): images}, {}, []
    for call in network.calls:
        if id(call) in gone:
            made[id(call.output)] = made[id(call.tensors[0])]
            continue
        if not isinstance(call.layer, keras.layers.Layer):
            made[id(call.output)] = call.again(made)
            continue
        if id(call.layer) not in parts:
            found = parts_of(call)
            parts[id(call.layer)] = [layer for layer, _ in found]
            weights += found
        first, *others = parts[id(call.layer)]
        result = call.again(made, first)
        for layer in others:
            result = layer(result)
        made[id(call.output)] = result
    model = keras.Model(images, made[id(network.logits)], name=name)
    for layer, values in weights:
        layer.set_weights(values)
    return model, parts


def copy_of(layer, changes, names, kind=None, without=(), prefix=""):
    """A new layer of a layer's config, trainable.

    Args:
        layer: Keras layer.
        changes: dict of what is other in its config.
        names: set of the names that are taken; the new one's is added.
        kind: class of the new layer; default: the layer's own.
        without: keys of the config that this class does not have.
        prefix: of its name.

    Raises:
        ValueError: a layer whose config does not make another one, by name.
    """
    name = taken(f"{prefix}{layer.name}", names)
    try:
        config = {**layer.get_config(), "trainable": True, **changes, "name": name}
        for key in ("build_config", *without):
            config.pop(key, None)
        return (kind or type(layer)).from_config(config)
    except (TypeError, ValueError, NotImplementedError) as error:  # of a user's own, or a lambda
        raise ValueError(
            "The layers of a network are made anew from their configs. Received: layer "
            f"{layer.name!r} of type {type(layer).__name__}, whose config makes none "
            f"({str(error).strip().splitlines()[0]}). Put layers of Keras in its place, or write "
            "its get_config() and from_config()."
        ) from error


def taken(wanted, names):
    """A name that no other layer has, added to the set of those that are taken."""
    name, count = wanted, 1
    while name in names:  # nested models may have layers of one name
        name, count = f"{wanted}_{count}", count + 1
    names.add(name)
    return name


def cut_weights(call, keep):
    """The weights of a layer's kept channels.

    Args:
        call: its first `Call`.
        keep: bool array, one a channel.

    Returns:
        list of arrays, in the order of the layer's weights.
    """
    weights = call.layer.weights
    values, names = [np.asarray(weight) for weight in weights], [weight.name for weight in weights]
    for part in call.rule.parts(call):
        index = names.index(part.weight)
        values[index] = np.compress(keep[part.ids], values[index], part.axis)
    return values


def remade(network, change, name, behind=None, before=None, summands=None):
    """A functional model of new layers in place of a network's own, with the same weights.

    Args:
        network: `Network` that `calls_of` gave.
        change: function of a layer and a set of taken names to the layer in its place, or None
            where what goes in comes out, and its weights.
        name: of the new model.
        behind: dict from the `id` of a tensor to a layer that what is in its place goes through.
        before: dict from the `id` of a layer to one that its first input goes through.
        summands: dict from the `id` of the call of a sum to (tensor, layer): what the layer makes
            of what is in the tensor's place is added as well.

    Returns:
        a `keras.Model`.
    """
    images = keras.Input(network.images.shape[1:], name="image", dtype=network.images.dtype)
    behind, before, summands = behind or {}, before or {}, summands or {}
    made = {id(network.images): _through(behind.get(id(network.images)), images)}
    changed, names = {}, set()
    for call in network.calls:
        layer, given = call.layer, id(call.tensors[0])
        if isinstance(layer, keras.layers.Layer):
            if id(layer) not in changed:
                changed[id(layer)] = change(layer, names)
            layer, _ = changed[id(layer)]
        inputs = {**made, given: _through(before.get(id(call.layer)), made[given])}
        if id(call) in summands:
            tensor, branch = summands[id(call)]
            result = layer([*(inputs[id(x)] for x in call.tensors), branch(made[id(tensor)])])
        else:
            result = made[given] if layer is None else call.again(inputs, layer)
        made[id(call.output)] = _through(behind.get(id(call.output)), result)
    model = keras.Model(images, made[id(network.logits)], name=name)
    for layer, weights in changed.values():
        if weights:
            # What is new in a layer, such as the steps of its kernel, comes behind these.
            own = layer.get_weights()
            layer.set_weights([*weights, *own[len(weights) :]])
    return model


def acts_in_training_only(layer):
    """Whether a layer gives what it gets in inference: dropout, noise, random views."""
    return "training" in inspect.signature(layer.call).parameters and not layer.weights


def _through(layer, tensor):
    return tensor if layer is None else layer(tensor)


def without(network, dropped):
    """A network without some of its residual branches.

    Args:
        network: `Network` that `calls_of` gave.
        dropped: dict from the `id` of a sum to the tensor that stands in its place.

    Returns:
        a keras.Model on the same layers, nested ones unrolled.
    """
    images = keras.Input(network.images.shape[1:], name="image", dtype=network.images.dtype)
    made = {id(network.images): images}
    for call in network.calls:
        if id(call) in dropped:
            made[id(call.output)] = made[id(dropped[id(call)])]
            continue
        made[id(call.output)] = call.again(made)
    return keras.Model(images, made[id(network.logits)])
