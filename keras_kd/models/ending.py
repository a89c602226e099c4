"""What stands at the end of a model: a softmax or sigmoid behind the logits, found and left out."""

from dataclasses import dataclass

import keras

from keras_kd.models.output import symbolic_outputs
from keras_kd.models.taps import graph_of

SQUASHING = ("softmax", "sigmoid", "log_softmax", "log_sigmoid", "hard_sigmoid", "sparsemax")
# What leaves the values of the logits alone, behind which an activation may stand.
TRANSPARENT = (keras.layers.Flatten, keras.layers.Reshape, keras.layers.Dropout)
TRANSPARENT_NAMES = ("Identity", "Reshape", "Squeeze", "ExpandDims", "Cast", "ClassOrder")
ELEMENTWISE = ("sigmoid", "log_sigmoid", "hard_sigmoid")  # of each number by itself


@dataclass(frozen=True)
class Ending:
    """What squashes the logits at the end of a model.

    Args:
        kind: name of the activation, such as "softmax".
        path: operations from the outermost nested model to the one that squashes, the last.
    """

    kind: str
    path: tuple

    def __str__(self):
        return f"{self.kind} ({'/'.join(operation.name for operation in self.path)!r})"


def ending(model):
    """The softmax or sigmoid behind a model's logits, looking through what only reshapes.

    Args:
        model: any model; one without a symbolic graph tells nothing.

    Returns:
        an `Ending`, or None.
    """
    output = symbolic_logits(model)
    return None if output is None else _ending(output)


def last_operation(model):
    """What makes a model's logits, nested models and what only reshapes looked through.

    Args:
        model: any model.

    Returns:
        a Keras operation, or None where no graph shows one.
    """
    output = symbolic_logits(model)
    paths = [] if output is None else list(_backwards(output))
    return paths[-1][0][-1] if paths else None


def symbolic_logits(model):
    """The symbolic tensor of a model's logits, or None where no graph shows them."""
    output = symbolic_outputs(model)
    if isinstance(output, dict):
        output = output.get("logits")
    if isinstance(output, list | tuple):
        output = output[0] if len(output) == 1 else None
    return output if isinstance(output, keras.KerasTensor) else None


def is_marked(model, mark):
    """Whether a layer at the end of a model says something of its logits.

    Args:
        model: any model; one without a symbolic graph tells nothing.
        mark: name of the layer's attribute, see `keras_kd.models.answers`.

    Returns:
        bool.
    """
    return bool(getattr(last_operation(model), mark, False))


def to_logits(model):
    """The same network without the softmax or sigmoid behind its logits.

    Args:
        model: functional or `Sequential` Keras model.

    Returns:
        a `keras.Model` that shares all layers but the last, which is a copy without activation;
        `model` itself where nothing stands behind its logits.
    """
    if ending(model) is None:
        return model
    outputs = symbolic_outputs(model)
    if isinstance(outputs, dict):
        new = outputs | {"logits": _plain(outputs["logits"])}
    else:
        new = _plain(outputs[0] if isinstance(outputs, list | tuple) else outputs)
    return keras.Model(graph_of(model).input, new, name=model.name)


def normalized_axes(operation, tensor):
    """The axes, from 0 on, over which a softmax normalises.

    Args:
        operation: a Keras operation that `squashing` names.
        tensor: what it gives, symbolic.
    """
    given = getattr(_applied(operation), "axis", -1)
    if isinstance(operation, keras.layers.Lambda):
        given = operation.arguments.get("axis", -1)
    axes = given if isinstance(given, list | tuple) else [-1 if given is None else given]
    return [axis % len(tensor.shape) for axis in axes]


def inputs_of(tensor):
    """The symbolic tensors that the operation which gives a symbolic tensor was called on."""
    operation, node, _ = tensor._keras_history
    return operation._inbound_nodes[node].input_tensors


def squashing(operation):
    """The name of the activation that an operation applies last, if it squashes; else None.

    Args:
        operation: a Keras operation.
    """
    applied = _applied(operation)
    name = getattr(applied, "__name__", _snake(type(applied).__name__))
    name = name.removesuffix("_v2")  # TensorFlow's own functions
    return name if name in SQUASHING else None


def is_transparent(operation):
    """Whether an operation leaves values alone and changes but their form, order or type.

    Args:
        operation: a Keras operation.
    """
    if isinstance(operation, keras.layers.Activation):
        return operation.activation is keras.activations.linear
    return isinstance(operation, TRANSPARENT) or type(operation).__name__ in TRANSPARENT_NAMES


def _ending(tensor):
    last = None
    for path, last in _backwards(tensor):
        kind = squashing(path[-1])
        if kind and (kind in ELEMENTWISE or _is_over_classes(path[-1], last)):
            return Ending(kind, path)
    if last is None or not _is_concatenation(path[-1]):
        return None
    # Each of several heads may have a sigmoid of its own.
    kinds = {found and found.kind for found in map(_ending, inputs_of(last))}
    return Ending(*kinds, path) if len(kinds) == 1 and kinds < set(ELEMENTWISE) else None


def _is_concatenation(operation):
    return type(operation).__name__ == "Concatenate"


def _is_over_classes(operation, tensor):
    """Whether a softmax normalises all that one image has, and nothing of another one."""
    axes = normalized_axes(operation, tensor)
    others = [size for axis, size in enumerate(tensor.shape) if axis not in (0, *axes)]
    return 0 not in axes and all(size in (None, 1) for size in others)


def _backwards(tensor, path=()):
    """Operations from a tensor back to the first that changes values, that one included.

    Yields:
        (operations, tensor): a tuple from the outermost nested model to the operation itself, and
        what that gives.

    Returns:
        bool, whether only transparent ones lie before the graph's input.
    """
    while True:
        operation, node, index = tensor._keras_history
        if isinstance(operation, keras.layers.InputLayer):
            return True
        graph = graph_of(operation) if isinstance(operation, keras.Model) else None
        if graph is not None:
            through = yield from _backwards(graph.outputs[index], (*path, operation))
        else:
            yield (*path, operation), tensor
            through = is_transparent(operation)
        if not through:
            return False
        tensor = operation._inbound_nodes[node].input_tensors[0]


def _plain(tensor):
    """A symbolic tensor without what squashes it: only what follows that is called again."""
    operation, node, index = tensor._keras_history
    arguments = operation._inbound_nodes[node].arguments
    first, *rest = arguments.args
    inner = graph_of(operation) if isinstance(operation, keras.Model) else None
    if inner is not None and _ending(inner.outputs[index]):
        outputs = list(inner.outputs)
        outputs[index] = _plain(outputs[index])
        new = keras.Model(inner.input, outputs, name=operation.name)
        return new(first, *rest, **arguments.kwargs)[index]
    if inner is None and squashing(operation):
        return _without_activation(operation)(first)
    if _is_concatenation(operation):
        return operation([_plain(one) for one in first], *rest, **arguments.kwargs)
    return operation(_plain(first), *rest, **arguments.kwargs)


def _applied(operation):
    """The function that a layer applies last, or the operation itself."""
    if isinstance(operation, keras.layers.Lambda):
        return operation.function
    if isinstance(operation, keras.layers.Softmax) or not isinstance(operation, keras.layers.Layer):
        return operation
    return getattr(operation, "activation", None)


def _snake(name):
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


def _without_activation(operation):
    """A function in an operation's place: a copy of the layer, weights too, without activation."""
    if not isinstance(operation, keras.layers.Layer):
        return lambda x: x
    if isinstance(operation, keras.layers.Softmax | keras.layers.Lambda):
        plain = keras.layers.Activation("linear", name=operation.name, dtype=operation.dtype_policy)
        return lambda x, *_, **__: plain(x)  # a softmax may be called with a mask
    copy = type(operation).from_config({**operation.get_config(), "activation": "linear"})
    copy.trainable = operation.trainable

    def call(x):
        result = copy(x)
        copy.set_weights(operation.get_weights())
        return result

    return call
