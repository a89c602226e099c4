"""TensorFlow's converter to TFLite, with one readable error."""

import re

import numpy as np
import tensorflow as tf

from keras_kd.export.network import check_logits, image_shape, logits_of, student_of

# What a file answers, by its name, from the logits.
ANSWERS = {"logits": tf.identity, "probabilities": tf.nn.softmax}


def convert(model, resolution, set_up, output="logits"):
    """The bytes of a TFLite file that takes `[1, H, W, C]` and answers in floats `[1, K]`.

    Args:
        model: a Keras model, or a `KDModel`.
        resolution: pixels, for a model that leaves its input size open.
        set_up: function that sets the options of a `tf.lite.TFLiteConverter`.
        output: "logits" or "probabilities".

    Raises:
        ValueError: an operation that TFLite does not have, by name; or not a model of images.
    """
    try:
        return convert_or_fail(model, resolution, set_up, output)
    except ConversionFailed as failed:
        raise no_kernel(failed) from failed.__cause__


class ConversionFailed(Exception):
    """The converter refused; the message tells what, in one line."""


def convert_or_fail(model, resolution, set_up, output="logits", answers=ANSWERS):
    """As `convert`, for a caller who knows another way, or has other functions than `ANSWERS`.

    Raises:
        ConversionFailed: the converter refused the network.
    """
    model = student_of(model)
    shape = image_shape(model, resolution)
    check_logits(model, shape)

    def answer(image):
        return {output: answers[output](logits_of(model, image))}

    return converted(answer, shape, set_up)


def converted(answer, shape, set_up):
    """The bytes of a TFLite file of a function.

    Args:
        answer: function of an image `[1, H, W, C]` to a dict of tensors by name.
        shape: (H, W, C).
        set_up: as of `convert`.

    Raises:
        ConversionFailed: the converter refused the function.
    """
    module = tf.Module()
    function = tf.function(
        answer,
        # A batch of one lets the converter fold shapes, without which some ops stay in float.
        input_signature=[tf.TensorSpec([1, *shape], tf.float32, name="image")],
    ).get_concrete_function()
    module.student_variables = list(function.variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    set_up(converter)
    try:
        return converter.convert()
    except Exception as error:  # the converter has no narrower type for "an op is not covered"
        raise ConversionFailed(_first_line(error)) from error


def no_kernel(failed):
    """What to tell a user whose network TFLite cannot run."""
    return ValueError(
        f"Expected a network of operations that TFLite has. Received: {failed}. "
        "Replace the operation in the student, or export a SavedModel, which takes any."
    )


def float_tensors(content, inner=False):
    """Names of the floating-point tensors in a TFLite file, given its path or its bytes.

    None in a file that is int8 throughout: the list is the proof.

    Args:
        content: path or bytes.
        inner: whether to leave out the file's own input and output.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    # No delegate, or XNNPACK's own tensors would be listed too.
    source = {"model_content": content} if isinstance(content, bytes) else {"model_path": content}
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(**source, experimental_op_resolver_type=resolver)
    floats = (np.float16, np.float32, np.float64)
    outer = [*interpreter.get_input_details(), *interpreter.get_output_details()] if inner else []
    left_out = {tensor["index"] for tensor in outer}
    names = []
    for subgraph in range(interpreter.num_subgraphs()):
        details = interpreter.get_tensor_details(subgraph)
        names += [
            tensor["name"]
            for tensor in details
            if tensor["dtype"] in floats and tensor["index"] not in left_out
        ]
    return names


def _first_line(error):
    """What the converter refused: the names of the operations, or the first line it said."""
    text = str(error)
    operations = sorted(set(re.findall(r"error: '([\w.]+)' op", text)))
    if operations:
        return ", ".join(operations)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
