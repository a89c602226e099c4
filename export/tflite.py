"""The student as a TFLite file: float32, float16, dynamic-range int8, or int8 throughout."""

import logging
import re

import numpy as np
import tensorflow as tf

from keras_kd.export.files import ExportError, write_bytes
from keras_kd.export.network import image_shape, logits_of, student_of
from keras_kd.utils.names import nearest

FORMATS = ("float32", "float16", "dynamic", "int8")

_log = logging.getLogger(__name__)


def to_tflite(model, path, format="float32", representative=None, resolution=None):
    """Converts the student to one TFLite file, for images one at a time.

    `float32` changes nothing; `float16` halves the weights; `dynamic` stores weights as int8 and
    computes in float; `int8` computes in integers, with int8 in and out, its ranges measured on
    `representative`. An operation that int8 does not cover stays in float32, and the result says
    so. Quantisation scheme: Jacob et al. 2017, arXiv:1712.05877.

    Args:
        model: a Keras model with one image input in [-1, 1] and logits out; of a `KDModel`, its
            student.
        path: the file to write; an existing one is replaced once the new one is complete.
        format: one of "float32", "float16", "dynamic", "int8".
        representative: for int8, an iterable of float arrays `[1, H, W, C]` or `[B, H, W, C]` in
            [-1, 1], from the training split; 100 to 500 images are plenty.
        resolution: pixels, an int or (H, W), only for a model that leaves its input size open.

    Returns:
        A dict: `format`, `path`, `bytes`, `fully_quantized` (int8 in, out and throughout),
        `float_tensors` (names of the float tensors of an int8 file, else empty) and `fallback`
        (None, or why an int8 file is not integer throughout).

    Raises:
        ExportError: unknown format, representative images that are missing or do not fit, or an
            operation that TFLite does not have.
        OSError: the disk is full; the previous file is untouched.
    """
    format = known_format(format, FORMATS)
    model = student_of(model)
    shape = image_shape(model, resolution)
    images = _checked_images(representative, shape) if format == "int8" else None
    content, fallback = _convert_or_fall_back(model, shape, format, images)
    floats = float_tensors(content) if format == "int8" else []
    if floats and fallback is None:
        fallback = f"{len(floats)} tensors stay in float32 between dequantise and quantise"
    if fallback:
        _log.warning(
            "%s is not int8 throughout: %s. Float tensors: %s", path, fallback, ", ".join(floats)
        )
    write_bytes(path, content)
    return {
        "format": format,
        "path": str(path),
        "bytes": len(content),
        "fully_quantized": format == "int8" and not floats and fallback is None,
        "float_tensors": floats,
        "fallback": fallback,
    }


def known_format(format, known):
    """`format` if it is among `known`.

    Raises:
        ExportError: it is not; the message lists the known ones and the nearest.
    """
    if format in known:
        return format
    raise ExportError(
        f"Expected a format among {', '.join(known)}. "
        f"Received: format={format!r}.{nearest(format, known)}"
    )


def float_tensors(content):
    """Names of the floating-point tensors in a TFLite file, given its path or its bytes.

    None in a file that is int8 throughout: the list is the proof.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    # No delegate, or XNNPACK's own tensors would be listed too.
    source = {"model_content": content} if isinstance(content, bytes) else {"model_path": content}
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(**source, experimental_op_resolver_type=resolver)
    floats = (np.float16, np.float32, np.float64)
    names = []
    for subgraph in range(interpreter.num_subgraphs()):
        details = interpreter.get_tensor_details(subgraph)
        names += [tensor["name"] for tensor in details if tensor["dtype"] in floats]
    return names


def _convert_or_fall_back(model, shape, format, images):
    """The file's bytes, and None or why int8 kernels alone did not do."""
    try:
        return _convert(model, shape, format, images, floats_allowed=False), None
    except Exception as error:  # the converter has no narrower type for "an op is not covered"
        reason = _first_line(error)
        if format == "int8":
            content = _convert_or_name(model, shape, format, images, reason)
            return content, f"some operations have no int8 kernel and run in float32 ({reason})"
        raise _no_kernel(reason) from error


def _convert_or_name(model, shape, format, images, reason):
    try:
        return _convert(model, shape, format, images, floats_allowed=True)
    except Exception as error:
        raise _no_kernel(reason) from error


def _no_kernel(reason):
    return ExportError(
        f"Expected a network of operations that TFLite has. Received: {reason}. "
        "Replace the operation in the student, or export a SavedModel, which takes any."
    )


def _convert(model, shape, format, images, floats_allowed):
    module = tf.Module()
    function = tf.function(
        lambda image: {"logits": logits_of(model, image)},
        # A batch of one lets the converter fold shapes, without which some ops stay in float.
        input_signature=[tf.TensorSpec([1, *shape], tf.float32, name="image")],
    ).get_concrete_function()
    module.student_variables = list(function.variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    if format != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if format == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if format == "int8":
        operations = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        operations += [tf.lite.OpsSet.TFLITE_BUILTINS] if floats_allowed else []
        converter.target_spec.supported_ops = operations
        converter.representative_dataset = lambda: ([image[None]] for image in images)
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def _checked_images(representative, shape):
    """The representative images as one float32 array `[N, H, W, C]`."""
    advice = "Give images of the training split, prepared as for evaluation."
    if representative is None:
        raise ExportError(
            "Expected representative images for int8, to measure the ranges of activations. "
            f"Received: representative=None. {advice}"
        )
    batches = [np.asarray(batch, np.float32) for batch in representative]
    batches = [batch[None] if batch.ndim == 3 else batch for batch in batches]
    wrong = next((batch.shape for batch in batches if batch.shape[1:] != shape), None)
    if wrong is not None:
        raise ExportError(
            f"Expected representative images of shape [B, {', '.join(map(str, shape))}]. "
            f"Received: an array of shape {list(wrong)}. {advice}"
        )
    images = np.concatenate(batches) if batches else np.zeros((0, *shape), np.float32)
    if not len(images):
        raise ExportError(
            f"Expected at least one representative image. Received: representative=empty. {advice}"
        )
    if not np.isfinite(images).all() or np.abs(images).max() > 1.001:
        raise ExportError(
            "Expected representative images in [-1, 1]. Received: values from "
            f"{images.min():g} to {images.max():g}. {advice}"
        )
    return images


def _first_line(error):
    """What the converter refused: the names of the operations, or the first line it said."""
    text = str(error)
    operations = sorted(set(re.findall(r"error: '([\w.]+)' op", text)))
    if operations:
        return ", ".join(operations)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
