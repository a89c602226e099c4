"""How long LiteRT takes for an image of a network that need not have learned anything yet.

The files are made for that alone: the ranges of the activations are those of noise, since no
kernel's time depends on them.
"""

import time

import numpy as np
import tensorflow as tf

from keras_kd.utils.stopwatch import quiet_seconds, timed_beside

IMAGES = 2  # of noise


class LiteRun:
    """One image through a TFLite file on one thread; a function without arguments.

    Args:
        content: bytes of the file.
    """

    def __init__(self, content):
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        for given in self._interpreter.get_input_details():
            values = np.random.default_rng(0).uniform(-1, 1, given["shape"])
            scale = 100 if np.issubdtype(given["dtype"], np.integer) else 1
            self._interpreter.set_tensor(given["index"], (values * scale).astype(given["dtype"]))

    def __call__(self):
        self._interpreter.invoke()


class LiteSpeed:
    """Milliseconds of an image by LiteRT, of networks that are compared with one another.

    The first that is asked about is timed at its quietest; the others in turns with it, see
    `keras_kd.utils.stopwatch`.

    Args:
        integers: whether the networks are int8 files where kernels allow, else float32.
        clock: function that gives seconds.
    """

    def __init__(self, integers=True, clock=time.perf_counter):
        self._integers = integers
        self._clock = clock
        self._reference = None  # (its run, its seconds)

    def __call__(self, model):
        """Milliseconds, a float, of an image through a Keras model, see `lite_content`."""
        run = LiteRun(lite_content(model, self._integers))
        if self._reference is None:
            self._reference = run, quiet_seconds(run, self._clock)
            return 1e3 * self._reference[1]
        return 1e3 * timed_beside(run, *self._reference, self._clock).seconds


def lite_content(model, integers=True):
    """Bytes of a TFLite file of a network, whose answers mean nothing.

    Args:
        model: Keras model from one image tensor `[B, H, W, C]` of a fixed size to logits.
        integers: whether it computes in int8 where kernels allow, else in float32.
    """
    shape = model.input_shape[1:]
    module = tf.Module()
    function = tf.function(
        lambda image: model(image, training=False),
        input_signature=[tf.TensorSpec([1, *shape], tf.float32)],
    ).get_concrete_function()
    module.kept = list(function.variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    if integers:
        images = np.random.default_rng(0).uniform(-1, 1, (IMAGES, 1, *shape)).astype("float32")
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image] for image in images)
        kinds = tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS
        converter.target_spec.supported_ops = list(kinds)
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()
