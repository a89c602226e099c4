"""What a model answers: its outputs dict, and which of several outputs are the logits.

The one place where an answer becomes `{"logits": [B, K], taps...}` with K >= 2.
"""

import keras
import numpy as np
from keras import ops

from keras_kd.models.taps import graph_of
from keras_kd.utils.names import nearest


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


def to_rows(outputs, shape):
    """The model that makes logits `[B, K]` of logits of another shape, as an expression.

    Args:
        outputs: symbolic outputs of a model in their structure.
        shape: of its logits.

    Returns:
        str such as "keras.Model(model.input, keras.layers.Flatten()(model.output))".
    """
    layer = "GlobalAveragePooling2D" if len(shape) == 4 else "Flatten"
    where = "model.output" if isinstance(outputs, keras.KerasTensor) else likeliest_logits(outputs)
    return f"keras.Model(model.input, keras.layers.{layer}()({where}))"


def named_outputs(outputs):
    """The outputs of a model by name.

    Args:
        outputs: tensor, symbolic or not, or a dict or list of them.

    Returns:
        dict of name to tensor: of a dict its own; of a list the name of the layer that made each,
        where that is known and not another's too, else its number; of a single one `logits`.
    """
    if isinstance(outputs, dict):
        return {str(key): tensor for key, tensor in outputs.items()}
    if not isinstance(outputs, list | tuple):
        return {"logits": outputs}
    made_by = [getattr(tensor, "_keras_history", None) for tensor in outputs]
    names = [history and history.operation.name for history in made_by]
    return {
        str(index) if name is None or names.count(name) > 1 else name: tensor
        for index, (name, tensor) in enumerate(zip(names, outputs))
    }


class UnknownOutput(ValueError):
    """No rule finds the logits among several outputs.

    Args:
        text: the sentence.
        likeliest: name of the output that they most likely are.
    """

    def __init__(self, text, likeliest):
        super().__init__(text)
        self.likeliest = likeliest


def find_logits(shapes, wanted="", num_classes=None):
    """Which of several outputs is the logits.

    Args:
        shapes: dict of name to shape.
        wanted: name; empty: `logits`, the only one that there is, or the only `[B, num_classes]`.
        num_classes: classes of the data; None: unknown.

    Returns:
        str.

    Raises:
        UnknownOutput: no output of that name, or several that may be.
    """
    units = {num_classes, 1 if num_classes == 2 else num_classes} - {None}
    flat = [name for name, shape in shapes.items() if len(shape) == 2]
    fitting = [name for name in flat if shapes[name][-1] in units]
    listed = ", ".join(f"{name!r} {tuple(shape)}" for name, shape in shapes.items())
    if wanted and wanted not in shapes:
        raise UnknownOutput(
            f"there must be an output of that name. Received: output={wanted!r}."
            f"{nearest(wanted, shapes)} Outputs there are: {listed}",
            [*fitting, *flat, *shapes][0],
        )
    if wanted or "logits" in shapes:
        return wanted or "logits"
    if len(shapes) == 1:
        return next(iter(shapes))
    if len(fitting) == 1:
        return fitting[0]
    likeliest = [*fitting, *flat, *shapes][0]
    raise UnknownOutput(
        "which of a model's outputs is its logits, [B, num_classes], must be said. Received: the "
        f"outputs {listed}. Pass output={likeliest!r}, or another of these names",
        likeliest,
    )


def with_one_output(model, wanted="", num_classes=None):
    """A model with one output, the logits or what is to become them, of a model with any.

    Args:
        model: functional or `Sequential` Keras model.
        wanted, num_classes: as of `find_logits`.

    Returns:
        `model`, or a `keras.Model` that shares all layers.

    Raises:
        UnknownOutput: as `find_logits`.
    """
    outputs = symbolic_outputs(model)
    named = named_outputs(outputs)
    shapes = {name: tuple(tensor.shape) for name, tensor in named.items()}
    name = find_logits(shapes, wanted, num_classes)
    if isinstance(outputs, keras.KerasTensor):
        return model
    return keras.Model(model.inputs[0], named[name], name=model.name)


def symbolic_outputs(model):
    """The symbolic outputs of a model in their structure, or None where it has no graph."""
    graph = graph_of(model)
    if graph is not None:
        return graph.output
    # Of a frozen teacher those of the model that it was made from.
    return getattr(getattr(model, "original", None), "output", None)
