"""What a model answers: its outputs dict, and what stands at its end.

The one place where an answer becomes `{"logits": [B, K], taps...}` with K >= 2, and where a softmax
or sigmoid behind the logits is found and left out.
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from keras_kd.models.taps import graph_of

SQUASHING = ("softmax", "sigmoid", "log_softmax", "log_sigmoid", "hard_sigmoid", "sparsemax")
# What leaves the values of the logits alone, behind which an activation may stand.
TRANSPARENT = (keras.layers.Flatten, keras.layers.Reshape, keras.layers.Dropout)
TRANSPARENT_NAMES = ("Identity", "Reshape", "Squeeze", "ExpandDims", "Cast")


def two_classes(logits):
    """One logit as the logits of two classes; more as they are.

    Args:
        logits: array or tensor `[..., K]`; K = 1 is a binary classifier's z, whose sigmoid is the
            probability of class 1.

    Returns:
        `[..., 2]`, [0, z], whose softmax is [1 - sigmoid(z), sigmoid(z)]; `logits` for K > 1.
    """
    if logits.shape[-1] != 1:
        return logits
    if isinstance(logits, np.ndarray):
        return np.concatenate([np.zeros_like(logits), logits], axis=-1)
    return ops.concatenate([ops.zeros_like(logits), logits], axis=-1)


def outputs_of(answer):
    """The outputs dict of what a model returned.

    Args:
        answer: logits `[B, K]`, or a dict with `logits` and whatever else the model gives.

    Returns:
        dict: `logits` `[B, K]`, K >= 2 (see `two_classes`), and the rest as it is.
    """
    if isinstance(answer, list | tuple) and len(answer) == 1:
        (answer,) = answer
    outputs = dict(answer) if isinstance(answer, dict) else {"logits": answer}
    return outputs | {"logits": two_classes(outputs["logits"])}


def logits_of(answer):
    """The logits `[B, K]`, K >= 2, in what a model returned, see `outputs_of`."""
    return outputs_of(answer)["logits"]


def as_two_classes(model):
    """A model of one logit with the logits of two classes; any other as it is.

    Args:
        model: functional Keras model with one output `[B, K]`.

    Returns:
        a `keras.Model` that shares all layers, with one output of K >= 2 logits.
    """
    if model.output_shape[-1] != 1:
        return model
    return keras.Model(model.inputs[0], two_classes(model.outputs[0]), name=model.name)


def likeliest_logits(outputs):
    """Where the logits among several outputs of a model most likely are, as an expression.

    Args:
        outputs: list or dict of symbolic tensors.

    Returns:
        str such as "model.output['logits']" or "model.outputs[1]": of a dict its `logits`, else
        the first `[B, K]`, else the first.
    """
    named = isinstance(outputs, dict)
    items = outputs if named else dict(enumerate(outputs))
    flat = [key for key, tensor in items.items() if len(tensor.shape) == 2]
    key = "logits" if "logits" in items else next(iter([*flat, *items]))
    return f"model.output[{key!r}]" if named else f"model.outputs[{key}]"


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


def symbolic_outputs(model):
    """The symbolic outputs of a model in their structure, or None where it has no graph."""
    graph = graph_of(model)
    if graph is not None:
        return graph.output
    # Of a frozen teacher those of the model that it was made from.
    return getattr(getattr(model, "original", None), "output", None)


def ending(model):
    """The softmax or sigmoid behind a model's logits, looking through what only reshapes.

    Args:
        model: any model; one without a symbolic graph tells nothing.

    Returns:
        an `Ending`, or None.
    """
    output = symbolic_outputs(model)
    if isinstance(output, dict):
        output = output.get("logits")
    if isinstance(output, list | tuple):
        output = output[0] if len(output) == 1 else None
    if not isinstance(output, keras.KerasTensor):
        return None
    found = _search(output, ())
    return found if isinstance(found, Ending) else None


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


def _plain(tensor):
    """A symbolic tensor without what squashes it: only what follows that is called again."""
    operation, node, index = tensor._keras_history
    arguments = operation._inbound_nodes[node].arguments
    first, *rest = arguments.args
    inner = graph_of(operation) if isinstance(operation, keras.Model) else None
    if inner is not None and isinstance(_search(inner.outputs[index], ()), Ending):
        outputs = list(inner.outputs)
        outputs[index] = _plain(outputs[index])
        new = keras.Model(inner.input, outputs, name=operation.name)
        return new(first, *rest, **arguments.kwargs)[index]
    if inner is None and _squashes(operation):
        return _without_activation(operation)(first)
    return operation(_plain(first), *rest, **arguments.kwargs)


def _search(tensor, path):
    """An `Ending`, None, or True where only transparent layers lie before the graph's input."""
    while True:
        operation, node, index = tensor._keras_history
        if isinstance(operation, keras.layers.InputLayer):
            return True
        if isinstance(operation, keras.Model):
            graph = graph_of(operation)
            found = None if graph is None else _search(graph.outputs[index], (*path, operation))
            if found is not True:
                return found
        else:
            kind = _squashes(operation)
            if kind:
                return Ending(kind, (*path, operation))
            if not _is_transparent(operation):
                return None
        tensor = operation._inbound_nodes[node].input_tensors[0]


def _squashes(operation):
    """The name of the activation that an operation applies, if it squashes; else None."""
    if not isinstance(operation, keras.layers.Layer) or isinstance(operation, keras.layers.Softmax):
        name = _snake(type(operation).__name__)
    else:
        activation = getattr(operation, "activation", None)
        name = getattr(activation, "__name__", _snake(type(activation).__name__))
    return name if name in SQUASHING else None


def _is_transparent(operation):
    if isinstance(operation, keras.layers.Activation):
        return operation.activation is keras.activations.linear
    return isinstance(operation, TRANSPARENT) or type(operation).__name__ in TRANSPARENT_NAMES


def _snake(name):
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


def _without_activation(operation):
    """A function in an operation's place: a copy of the layer, weights too, without activation."""
    if not isinstance(operation, keras.layers.Layer):
        return lambda x: x
    if isinstance(operation, keras.layers.Softmax):
        plain = keras.layers.Activation("linear", name=operation.name, dtype=operation.dtype_policy)
        return lambda x, *_, **__: plain(x)  # a softmax may be called with a mask
    copy = type(operation).from_config({**operation.get_config(), "activation": "linear"})
    copy.trainable = operation.trainable

    def call(x):
        result = copy(x)
        copy.set_weights(operation.get_weights())
        return result

    return call
