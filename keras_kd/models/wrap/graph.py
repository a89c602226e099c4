"""A network followed from its images to its logits: which channels each layer takes and gives."""

from dataclasses import dataclass, field

import keras
import numpy as np

from keras_kd.models.taps import flat_calls, graph_of
from keras_kd.models.wrap import rule_ops, rules
from keras_kd.models.wrap.groups import Channels
from keras_kd.models.wrap.rule import Fixed


@dataclass
class Call:
    """One call of a layer.

    Attributes:
        layer: the layer, or another Keras operation.
        args, kwargs: with symbolic tensors.
        output: symbolic tensor.
        rule: its `Rule`.
        ins: the channels of each tensor that goes in.
        shapes: of each tensor that goes in.
        out: the channels that come out.
    """

    layer: object
    args: tuple
    kwargs: dict
    output: keras.KerasTensor
    rule: object = None
    ins: list = field(default_factory=list)
    shapes: list = field(default_factory=list)
    out: np.ndarray = None

    @property
    def shape(self):
        """Of what comes out."""
        return self.output.shape

    @property
    def tensors(self):
        """The symbolic tensors that go in."""
        flat = keras.tree.flatten((self.args, self.kwargs))
        return [x for x in flat if isinstance(x, keras.KerasTensor)]

    def again(self, made, layer=None):
        """What comes out for other tensors.

        Args:
            made: dict from the `id` of each tensor that goes in to the one in its place.
            layer: called in place of the call's own.
        """
        args, kwargs = keras.tree.map_structure(
            lambda x: made[id(x)] if isinstance(x, keras.KerasTensor) else x,
            (self.args, self.kwargs),
        )
        return (layer or self.layer)(*args, **kwargs)

    @property
    def constants(self):
        """What goes in besides."""
        return [x for x in keras.tree.flatten(self.args) if not isinstance(x, keras.KerasTensor)]


@dataclass
class Network:
    """A followed network.

    Attributes:
        images: symbolic input.
        calls: list of `Call`, in the order in which they run.
        logits: symbolic output.
        groups: its `Groups`.
    """

    images: keras.KerasTensor
    calls: list
    logits: keras.KerasTensor
    groups: object = None

    def first_calls(self):
        """dict from the `id` of each layer to its first `Call`."""
        found = {}
        for call in self.calls:
            found.setdefault(id(call.layer), call)
        return found


def calls_of(model, input_shape=None, wrapper="shrink"):
    """The calls of a model, nested ones unrolled, before their channels are known.

    Args:
        model: functional or `Sequential` Keras model of one image input and one output.
        input_shape: (height, width, channels) of the images; default: the model's own.
        wrapper: name of who asks; for errors.

    Returns:
        a `Network` without groups.

    Raises:
        ValueError: a model of another form, or a size that its layers do not take.
    """
    check_model(model, wrapper)
    shape = _shape(model.input_shape[1:] if input_shape is None else input_shape)
    images = keras.Input(shape, name="image", dtype=model.inputs[0].dtype)
    try:
        _, found, outputs = flat_calls(model, images=images)
    except ValueError as error:
        raise ValueError(
            f"The layers of model={model.name!r} must take images of {shape}. Received: "
            f"input_shape={shape}: {error}"
        ) from error
    calls = [Call(layer, args, _lasting(kwargs), output) for layer, args, kwargs, output in found]
    return Network(images, calls, outputs["logits"])


def check_model(model, wrapper):
    """Refuses what cannot be followed from its images to its logits; arguments of `calls_of`."""
    if graph_of(model) is None or not getattr(model, "built", False):
        raise ValueError(
            f"{wrapper} takes functional and Sequential Keras models, of which it sees every "
            f"layer. Received: model={getattr(model, 'name', model)!r} of type "
            f"{type(model).__name__}. "
            "Build it with keras.Model(inputs, outputs)."
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"{wrapper} takes models of one input, the images, and one output, the logits. "
            f"Received: model={model.name!r} with {len(model.inputs)} inputs and "
            f"{len(model.outputs)} outputs. Pass keras.Model(model.input, LOGITS) with the output "
            "that counts."
        )


def _shape(given):
    """(height, width, channels)."""
    shape = tuple(given) if isinstance(given, tuple | list) else ()
    if len(shape) != 3:
        raise ValueError(
            "input_shape must be (height, width, channels) of images. Received: "
            f"input_shape={given!r}. Write (96, 96, 3), for example."
        )
    return shape


def _lasting(kwargs):
    """Arguments of a call without what belongs to the moment: how it runs, and no mask."""
    momentary = ("training", "mask")
    return {key: value for key, value in kwargs.items() if key not in momentary}


def follow(network):
    """Finds the channel groups of a network, and with them what each call takes and gives.

    Args:
        network: what `calls_of` gave; its calls and `groups` are filled in.

    Returns:
        the same `Network`.

    Raises:
        ValueError: an operation that no rule is for; names it.
    """
    channels = Channels()
    known = {id(network.images): channels.fresh(network.images.shape[-1], "images")}
    channels.freeze(known[id(network.images)])
    tail, first = _tail(network), {}
    for call in network.calls:
        call.ins = [known[id(tensor)] for tensor in call.tensors]
        call.shapes = [tensor.shape for tensor in call.tensors]
        call.rule = Fixed() if id(call) in tail else _rule(channels, call)
        call.out = call.rule.spread(channels, call)
        if call.layer.name in first and rules.is_layer(call.layer) and call.layer.weights:
            _share(channels, first[call.layer.name], call)
        first.setdefault(call.layer.name, call)
        known[id(call.output)] = call.out
    channels.freeze(known[id(network.logits)])
    network.groups = channels.groups()
    return network


def _rule(channels, call):
    if isinstance(call.output, list | tuple | dict) or not call.tensors:
        return _refuse(call)
    layer = call.layer
    rule = (rules if rules.is_layer(layer) else rule_ops).rule_of(layer)
    seen = call.ins and all(map(channels.all_frozen, call.ins))
    if seen and (rule is None or not getattr(layer, "weights", ())):
        return Fixed()  # it sees nothing that is ever cut: whatever it does is kept
    if rule is None or rules.comes_first(layer):
        return _refuse(call)
    return rule


def _refuse(call):
    raise ValueError(
        "shrink follows channels that come last through the layers of convolutional networks. "
        f"Received: layer {call.layer.name!r} of type {type(call.layer).__name__}, which it has no "
        "rule for. Shrink a network without it."
    )


def _share(channels, first, call):
    """A layer that is called again cuts the same channels."""
    if first.layer is not call.layer:
        return
    pairs = [*zip(first.ins, call.ins), (first.out, call.out)]
    if any(len(one) != len(other) for one, other in pairs):
        _refuse(call)
    for one, other in pairs:
        channels.unite(one, other)


def _tail(network):
    """ids of the calls behind the classifier, which see its classes."""
    made_by = {id(call.output): call for call in network.calls}
    found, call = set(), made_by.get(id(network.logits))
    while call is not None and len(call.tensors) == 1 and not _has_kernel(call.layer):
        found.add(id(call))
        call = made_by.get(id(call.tensors[0]))
    return found if call is not None and len(call.tensors) == 1 else set()


def _has_kernel(layer):
    return isinstance(layer, keras.layers.Layer) and bool(layer.weights)
