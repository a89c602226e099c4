"""A network for inference only: a straight line of calls, normalisation folded into kernels.

`flatten` lists a model's calls; `fold` rewrites that list: a batch norm behind a convolution or a
dense layer goes into its kernel and bias, standardised kernels are standardised once, padding
that a convolution can do itself goes into the convolution. The arithmetic of folding is float64.
"""

import dataclasses
import math
from contextlib import nullcontext

import keras
import tensorflow as tf
from keras.layers import BatchNormalization, Conv2D, Dense, DepthwiseConv2D, ZeroPadding2D

from keras_kd.models.hub import HubModule
from keras_kd.models.layers import GroupNorm, StandardizedConv2D
from keras_kd.models.taps import flat_calls
from keras_kd.teachers.frozen.fused import Arrays, FusedAffine, FusedGroupNorm

FOLDABLE = (Conv2D, StandardizedConv2D, DepthwiseConv2D, Dense)  # exactly these types
REWRITTEN = (*FOLDABLE, BatchNormalization, GroupNorm, ZeroPadding2D)


@dataclasses.dataclass
class Call:
    """One call: `operation(*args, **kwargs)` gives `output`; tensors are symbolic."""

    operation: object
    args: tuple
    kwargs: dict
    output: object

    def inputs(self):
        """The ids of the tensors that the call reads."""
        return [id(t) for t in keras.tree.flatten((self.args, self.kwargs)) if _symbolic(t)]


class Network:
    """A model as a list of calls; called with images it gives a dict of outputs.

    Args:
        image: the symbolic input.
        calls: list of `Call`, in an order in which they can run.
        outputs: dict from name to symbolic tensor.
        notes: what was folded and what could not be, as text.
        counts: dict from kind of rewriting to how often it was done.
    """

    def __init__(self, image, calls, outputs, notes=(), counts=None):
        self.image, self.calls, self.outputs = image, calls, outputs
        self.notes, self.counts = list(notes), dict(counts or {})
        self._copies = []  # (Keras variable, array or tf.Variable), read instead of the first

    def __call__(self, images):
        copies = [(variable, tf.convert_to_tensor(copy)) for variable, copy in self._copies]
        with keras.StatelessScope(state_mapping=copies) if copies else nullcontext():
            return self._run(images)

    def _run(self, images):
        values = {id(self.image): tf.cast(images, self.image.dtype)}

        def value(tensor):
            return values[id(tensor)] if _symbolic(tensor) else tensor

        for call in self.calls:
            args, kwargs = keras.tree.map_structure(value, (call.args, call.kwargs))
            results = call.operation(*args, **kwargs)
            for symbol, result in zip(
                keras.tree.flatten(call.output), keras.tree.flatten(results), strict=True
            ):
                values[id(symbol)] = result
        return {name: values[id(tensor)] for name, tensor in self.outputs.items()}

    def layers(self):
        """The Keras layers that still run, each once."""
        layers = [c.operation for c in self.calls if isinstance(c.operation, keras.layers.Layer)]
        return list(dict.fromkeys(layers))

    def sixteen_bit(self):
        """Whether any of it computes in half precision."""
        operations = [c.operation for c in self.calls]
        return any("16" in str(getattr(o, "compute_dtype", "float32")) for o in operations)

    def hold_weights(self, as_constants):
        """Copies the weights, for functions that are traced from now on.

        Args:
            as_constants: True puts the copies into the graph; False makes variables of them, in
                the scope of the current strategy, one a device.
        """
        # A hub module reads its own variables, whatever stands for them in Keras.
        layers = [layer for layer in self.layers() if not isinstance(layer, HubModule)]
        variables = {id(v): v for layer in layers for v in layer.weights if "float" in v.dtype}
        self._copies = [(v, keras.ops.convert_to_numpy(v)) for v in variables.values()]
        if as_constants:
            return
        self._copies = [(v, tf.Variable(copy, trainable=False)) for v, copy in self._copies]
        for call in self.calls:
            if isinstance(call.operation, Arrays):
                call.operation.keep_as_variables()

    @property
    def nbytes(self):
        """Bytes of all weights in use."""
        own = sum(c.operation.nbytes for c in self.calls if isinstance(c.operation, Arrays))
        weights = [v for layer in self.layers() for v in layer.weights]
        return own + sum(4 * math.prod(v.shape) for v in weights)


def flatten(model, taps=()):
    """A model's calls as a `Network`, unchanged.

    Args:
        model: Keras model from images to logits.
        taps: names of layers whose outputs are wanted too.

    Returns:
        a `Network`; of a model without a functional graph, one single call.

    Raises:
        ValueError: taps of a model that has no graph, or that do not exist.
    """
    try:
        image, calls, outputs = flat_calls(model, taps)
    except ValueError:
        if taps:
            raise
        image = keras.KerasTensor(model.input_shape)
        logits = keras.KerasTensor(model.output_shape)
        note = f"{model.name} has no functional graph: nothing could be folded"
        call = Call(model, (image,), {"training": False}, logits)
        return Network(image, [call], {"logits": logits}, [note])
    return Network(image, [Call(*call) for call in calls], outputs)


def fold(network):
    """Folds what can be folded.

    Args:
        network: a `Network`.

    Returns:
        a new `Network` with the same outputs, up to rounding; outputs and what several calls
        read are never folded away. Folded arrays are copies: the model's weights stay as they are.
    """
    kept = {id(tensor) for tensor in network.outputs.values()}
    readers = {}
    for call in network.calls:
        for key in call.inputs():
            readers[key] = readers.get(key, 0) + 1
    made_by, calls = {}, []
    counts = {"batch_norm": 0, "standardized": 0, "padding": 0, "group_norm": 0}
    left = 0

    def inner(tensor, kind):
        """The call that made `tensor`, where only one call ever reads it."""
        call = made_by.get(id(tensor))
        only_reader = readers.get(id(tensor)) == 1 and id(tensor) not in kept
        return call if call and only_reader and isinstance(call.operation, kind) else None

    for call in map(_positional, network.calls):
        operation = call.operation
        if type(operation) in FOLDABLE and operation.built and _plain(operation):
            fused = FusedAffine(operation)
            counts["standardized"] += isinstance(operation, StandardizedConv2D)
            call = Call(fused, call.args[:1], {}, call.output)
            pad = inner(call.args[0], ZeroPadding2D)
            if pad and fused.take_padding(pad.operation):
                counts["padding"] += 1
                calls.remove(pad)
                call.args = pad.args[:1]
        elif type(operation) is BatchNormalization and operation.built:
            before = inner(call.args[0], FusedAffine)
            if before and before.operation.take_batch_norm(operation):
                counts["batch_norm"] += 1
                before.output = call.output
                made_by[id(call.output)] = before
                continue
            left += 1
        elif type(operation) is GroupNorm:
            counts["group_norm"] += 1
            call = Call(FusedGroupNorm(operation), call.args[:1], {}, call.output)
        calls.append(call)
        for tensor in keras.tree.flatten(call.output):
            made_by[id(tensor)] = call
    for call in calls:
        if isinstance(call.operation, FusedAffine):
            call.operation.finish()
    notes = list(network.notes)
    if not any(counts.values()) and not notes:
        notes.append("nothing could be folded")
    if left:
        notes.append(f"{left} batch norms stand behind no convolution of their own and stay")
    return Network(network.image, calls, network.outputs, notes, counts)


def _positional(call):
    """The call of a layer that may be rewritten, with its tensor by position, not by name."""
    if call.args or type(call.operation) not in REWRITTEN:
        return call
    kwargs = {key: value for key, value in call.kwargs.items() if key != "inputs"}
    return Call(call.operation, (call.kwargs["inputs"],), kwargs, call.output)


def _plain(layer):
    """A layer that multiplies by its kernel and adds its bias, and does nothing else to them."""
    quantized = getattr(layer, "quantization_mode", None) or getattr(layer, "lora_enabled", False)
    return not quantized and getattr(layer, "data_format", "channels_last") == "channels_last"


def _symbolic(tensor):
    return isinstance(tensor, keras.KerasTensor)
