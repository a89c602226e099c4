"""The student as the exporters see it: one image tensor in, float32 logits out, inference mode."""

import tensorflow as tf

from keras_kd.models import output as models_output


def student_of(model):
    """The network to export: the student of a `KDModel`, any other Keras model as it is."""
    return getattr(model, "student", model)


def image_shape(model, resolution=None):
    """The student's input shape as (H, W, C), without the batch.

    Args:
        model: a Keras model with one image input `[B, H, W, C]`.
        resolution: pixels, an int or (H, W), for a model that leaves H and W open.

    Raises:
        ValueError: not a single image input, or its size is open and no resolution was given.
    """
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise ValueError(
            "Expected a model with one image input [batch, height, width, channels]. "
            f"Received: input_shape={shape}. Export a functional Keras model that is built."
        )
    size = (resolution, resolution) if isinstance(resolution, int) else tuple(resolution or ())
    height, width = (have or want for have, want in zip(shape[1:3], size or (None, None)))
    if size and (height, width) != tuple(size):
        raise ValueError(
            f"Expected the resolution the model was built for, {shape[1:3]}. "
            f"Received: resolution={resolution}. Leave it out, or build the model anew."
        )
    if None in (height, width, shape[3]):
        raise ValueError(
            "Expected a fixed image size and a fixed number of channels. "
            f"Received: input_shape={shape}, resolution={resolution}. Give `resolution` in pixels."
        )
    return int(height), int(width), int(shape[3])


def logits_of(model, image):
    """Float32 logits `[B, K]` of `model` in inference mode, whatever its compute dtype.

    One logit z is two classes, [0, z], as everywhere.
    """
    outputs = model(image, training=False)
    if isinstance(outputs, dict) and "logits" not in outputs:
        raise ValueError(
            "Expected a model that gives logits. "
            f"Received: outputs={sorted(outputs)}. Name one of them 'logits'."
        )
    return tf.cast(models_output.logits_of(outputs), tf.float32)
