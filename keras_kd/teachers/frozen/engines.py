"""Engines: ways to run a folded network, each a function from images to a dict of outputs.

`keras` runs the model as it is, `graph` the folded network, `xla` the same compiled by XLA, and
`litert` the same converted to TFLite, float32, on the CPU by way of XNNPACK.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_kd.models.host import HostModule
from keras_kd.models.interpreters import Interpreters
from keras_kd.utils.names import nearest

ENGINES = ("graph", "xla", "litert", "keras")
SMALL_BYTES = 64 * 2**20  # of weights: below this a conversion to TFLite is cheap


def check(engine):
    """Refuses an engine that does not exist.

    Raises:
        ValueError: names the nearest.
    """
    if engine not in ("auto", *ENGINES):
        raise ValueError(
            f"The teacher's engine must be one of auto, {', '.join(ENGINES)}. "
            f"Received: engine={engine!r}.{nearest(engine, ('auto', *ENGINES))}"
        )


def as_graph(network, input_shape):
    """A function of any batch size, compiled to a TensorFlow graph once."""
    run = lambda images: network(images)  # noqa: E731
    return tf.function(run, input_signature=[_spec(input_shape)], autograph=False)


def as_xla(network, input_shape, batch_size):
    """XLA for batches of exactly `batch_size`; others run as a graph.

    XLA compiles every batch size anew, for seconds to minutes, which the last batch of an
    evaluation is not worth. A batch whose size is not known while tracing runs as a graph too.
    """
    spec = [_spec(input_shape, batch_size)]
    run = lambda images: network(images)  # noqa: E731
    compiled = tf.function(run, input_signature=spec, autograph=False, jit_compile=True)
    graph = as_graph(network, input_shape)
    return lambda images: (compiled if images.shape[0] == batch_size else graph)(images)


def as_litert(network, input_shape):
    """TFLite in float32 with XNNPACK on all cores; inside a graph a call back to the host.

    No call back is possible from a function that XLA compiles.
    """
    runner = LiteRT(network, input_shape)
    # The network itself is not needed any more: only names and shapes are kept.
    shapes = {name: tuple(tensor.shape[1:]) for name, tensor in network.outputs.items()}

    def run(images):
        outputs = tf.numpy_function(runner, [images], [tf.float32] * len(shapes), stateful=False)
        outputs = dict(zip(shapes, tf.nest.flatten(outputs), strict=True))
        for name, output in outputs.items():
            output.set_shape([images.shape[0], *shapes[name]])
        return outputs

    return run


class LiteRT:
    """A folded network in TFLite; called with float32 images `[B, H, W, C]`.

    Args:
        network: a `keras_kd.teachers.frozen.fold.Network`.
        input_shape: (height, width, channels).

    Returns:
        on a call, a list of float32 arrays in the order of `network.outputs`.
    """

    def __init__(self, network, input_shape):
        names = list(network.outputs)

        def outputs(images):
            results = network(images)
            return [tf.cast(results[name], tf.float32) for name in names]

        function = tf.function(outputs, autograph=False, input_signature=[_spec(input_shape)])
        concrete = function.get_concrete_function()
        content = tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()
        self._interpreters = Interpreters(content)

    def __call__(self, images):
        images = np.asarray(images, "float32")
        with self._interpreters.of(images.shape) as interpreter:
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
            interpreter.invoke()
            return [interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()]


def xla_refusal(network):
    """Why XLA cannot compile a network, or None."""
    if any(isinstance(layer, HostModule) for layer in network.layers()):
        return "a runtime of its own runs the teacher's file, which a graph only can call"
    return None


def litert_may_win(network):
    """Whether a trial of LiteRT is worth it.

    It leads where convolutions are depthwise. Of a large network without them the conversion
    takes minutes and many times its memory, and XLA wins.
    """
    kinds = (keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
    depthwise = any(isinstance(layer, kinds) for layer in network.layers())
    return depthwise or network.nbytes < SMALL_BYTES


def litert_refusal(network):
    """Why LiteRT cannot run here, or None."""
    if refusal := xla_refusal(network):  # what another runtime runs
        return refusal
    if tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"):
        return "LiteRT runs on the CPU only, and there is an accelerator"
    if tf.distribute.get_strategy().num_replicas_in_sync > 1:
        return "LiteRT serves one replica only"
    if network.sixteen_bit():
        return "LiteRT runs in float32, and the teacher computes in 16 bits"
    return None


def _spec(input_shape, batch_size=None):
    return tf.TensorSpec([batch_size, *input_shape], tf.float32, name="images")
