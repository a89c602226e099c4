"""Files of students that were trained in few bits: what was trained is what is written."""

import tensorflow as tf

from keras_kd.export import conversion, quantizer
from keras_kd.models.wrap import quantize_aware, unquantized, with_ranges
from keras_kd.models.wrap.points import FIXED
from keras_kd.models.wrap.rounding import marks_for_a_converter
from keras_kd.models.wrap.unquantize import has_ranges, kernels

INT4 = 4


def known_ranges(model, images):
    """The model with a range for every tensor that is held in 8 bits.

    Args:
        model: what `keras_kd.models.quantize_aware` made.
        images: function that gives images, on which ranges are measured where none were trained.
    """
    return model if has_ranges(model) else with_ranges(model, images())


def is_in_int4(model):
    """Whether some weights of a model were trained in 4 bits or less."""
    return any(layer.bits <= INT4 for layer in kernels(model))


def in_int4(model, images):
    """The model with weights of 4 bits at most, where a file can hold them so.

    Args:
        model: in few bits as it was trained, or in floats, or in 8 bits: then it is rounded now.
        images: as of `known_ranges`.
    """
    if is_in_int4(model):
        return known_ranges(model, images)
    return quantize_aware(unquantized(model), INT4, scheme="minmax", images=images())


def converted(model, resolution, io, output):
    """The bytes of a file of integers, with the model's own steps and ranges.

    Args:
        model: what `known_ranges` gave.
        resolution: pixels, for a model that leaves its input size open.
        io: type of the file's input and output: "int8", "uint8" or "float32".
        output: "logits" or "probabilities".

    Raises:
        ValueError: an operation that TFLite does not have, by name.
    """

    def set_up(converter):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = converter.inference_output_type = tf.as_dtype(io)

    answers = {**conversion.ANSWERS, "probabilities": _probabilities}
    try:
        with marks_for_a_converter():
            return conversion.convert_or_fail(model, resolution, set_up, output, answers)
    except conversion.ConversionFailed as failed:
        raise conversion.no_kernel(failed) from failed.__cause__


def _probabilities(logits):
    return tf.quantization.fake_quant_with_min_max_args(tf.nn.softmax(logits), *FIXED["softmax"])


def fallback(content, floats):
    """Why a file is not integer throughout, or None.

    Args:
        content: its bytes.
        floats: names of its float tensors.
    """
    if not floats:
        return None
    if quantizer.has_norms(content):
        return "norms that measure each image stay in float32, as they were trained"
    return f"{len(floats)} tensors stay in float32 between dequantise and quantise"
