"""The student as the exporters see it: one image tensor in, float32 logits out, inference mode."""

import keras
import numpy as np
import tensorflow as tf

from keras_kd.models import ending as models_ending
from keras_kd.models import merged as models_merged
from keras_kd.models import output as models_output

# What may stand behind logits and be left out: softmax of the logits gives the same probabilities.
LEFT_OUT = ("softmax", "log_softmax")
ONE_LOGIT = ("sigmoid", "log_sigmoid")  # as well, where there is but one


def student_of(model):
    """The network to export, as every file and every comparison takes it.

    Args:
        model: a Keras model; of a `KDModel`, its student.

    Returns:
        the model itself, or one of the same weights that computes in float32 and gives the logits
        before a softmax at its end.

    Raises:
        ValueError: a network of a mixed policy that cannot be built anew, or one that ends in
            probabilities of which the logits cannot be had.
    """
    model = getattr(model, "student", model)
    return _without_softmax(_in_float32(model)) if isinstance(model, keras.Model) else model


def _in_float32(model):
    """The model, built anew where layers compute in half precision: those do not convert."""
    policies = {layer.dtype_policy.name for layer in layers_of(model) if _is_lower(layer)}
    if not policies:
        return model
    before = keras.config.dtype_policy()
    # The layers that layers make for themselves follow the global policy.
    keras.config.set_dtype_policy("float32")
    try:
        copy = keras.models.clone_model(model, clone_function=_float32_copy, recursive=True)
        copy.set_weights(model.get_weights())
    except (ValueError, TypeError, NotImplementedError) as error:
        raise ValueError(
            "Expected a network that computes in float32, or one that Keras can build anew. "
            f"Received: layers of the policy {', '.join(sorted(policies))} in {model.name!r} "
            f"({str(error).splitlines()[0]}). Build it under keras.config.set_dtype_policy"
            "('float32') and give it the weights by set_weights(model.get_weights())."
        ) from error
    finally:
        keras.config.set_dtype_policy(before)
    return copy


def layers_of(model):
    """All layers of a model, those of nested models too."""
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from layers_of(layer)


def _is_lower(layer):
    return layer.compute_dtype not in (None, "float32")


def _float32_copy(layer):
    return type(layer).from_config(_float32(layer.get_config()))


def _float32(config):
    """A layer's config with float32 for every policy in it."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return "float32"
        return {key: _float32(value) for key, value in config.items()}
    return [_float32(value) for value in config] if isinstance(config, list) else config


def _without_softmax(model):
    found = models_ending.ending(model)
    if found is None:
        return model
    if found.kind in LEFT_OUT or (found.kind in ONE_LOGIT and model.output_shape[-1] == 1):
        return models_ending.to_logits(model)
    raise ValueError(
        "Expected a network whose classes exclude one another, with logits or a softmax at its "
        f"end. Received: model={model.name!r}, which ends in {found}. Export the network without "
        "that layer."
    )


def check_logits(model, shape):
    """Refuses answers that are probabilities already, though no layer of the graph tells so.

    Args:
        model: what `student_of` returned.
        shape: (H, W, C) of its images.

    Raises:
        ValueError: for random images, all rows are shares that sum to one.
    """
    if {source.kind for source in models_merged.sources(model)} == {"linear"}:
        return  # whatever they sum to
    images = np.random.default_rng(0).uniform(-1, 1, (4, *shape)).astype(np.float32)
    answers = logits_of(model, images).numpy()
    if answers.min() >= 0 and np.allclose(answers.sum(-1), 1, atol=1e-4):
        raise ValueError(
            "Expected a network that gives logits. Received: "
            f"model={getattr(model, 'name', '')!r}, whose answers are probabilities: none is "
            "negative, and they sum to 1. Export the network without its softmax."
        )


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


def checked_names(class_names, model):
    """The names of a student's classes, a list of str, or None where there are none.

    Args:
        class_names: iterable of K names, or None.
        model: a Keras model of K logits.

    Raises:
        ValueError: more or fewer names than logits.
    """
    if class_names is None:
        return None
    names = [str(name) for name in class_names]
    classes = num_classes(model)
    if classes is not None and len(names) != classes:
        raise ValueError(
            f"Expected {classes} class names, one for each logit. Received: "
            f"class_names={names[:5]}{'...' if len(names) > 5 else ''} ({len(names)} names). "
            "Give the names of the data the student was trained on."
        )
    return names


def num_classes(model):
    """Classes of a student, or None where its output shape does not tell; one logit z is two."""
    output = model.output_shape
    output = output.get("logits") if isinstance(output, dict) else output
    classes = output[-1] if output else None
    return 2 if classes == 1 else classes
