"""What a network answers: as its graph shows, and where no graph shows it, to two images."""

import keras
import numpy as np

from keras_kd.models.ending import last_operation
from keras_kd.models.output import symbolic_outputs
from keras_kd.models.taps import graph_of

IMAGES = 2
SUM_TOLERANCE = 1e-2  # of probabilities: a thousand of them in half precision
WRAP = (
    "Wrap it: inputs = keras.Input((height, width, channels)); model = keras.Model(inputs, ...), "
    "of what it makes of the inputs."
)


def first_answer(name, model, images):
    """The outputs of a network for images, symbolic. Only one without a graph is run for them.

    Args:
        name: of the network in the model.
        model: Keras model, a `keras_kd.teachers` object, or another function of images.
        images: shape of the images, (None, height, width, channels).

    Returns:
        a `keras.KerasTensor` `[None, K]`, a list of one, or a dict of them with `logits`.

    Raises:
        ValueError: a network without a graph that fails, whose answer is not logits `[B, K]`, or
            is probabilities.
    """
    outputs = getattr(model, "output", None)
    if not isinstance(outputs, keras.KerasTensor | dict):
        outputs = symbolic_outputs(model)
    last = last_operation(model)
    seen = outputs is not None and not (isinstance(last, keras.Model) and graph_of(last) is None)
    if seen:
        return outputs
    if None in images[1:]:  # of which size it takes images nobody knows
        return model(keras.KerasTensor(images)) if outputs is None else outputs
    answer = _answer(name, model, images[1:])
    if outputs is not None:
        return outputs
    return keras.tree.map_structure(
        lambda value: keras.KerasTensor((None, *value.shape[1:]), _dtype(value)), answer
    )


def _dtype(value):
    return keras.backend.standardize_dtype(value.dtype)


def _answer(name, model, shape):
    """What a network gives for two images, looked at."""
    received = f"Received: {getattr(model, 'name', model)!r}, which"
    images = np.random.default_rng(0).uniform(-1.0, 1.0, (IMAGES, *shape)).astype("float32")
    try:
        answer = model(keras.ops.convert_to_tensor(images), training=False)
    except Exception as error:  # code of others, which raises what it likes
        why = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(
            f"The {name} must answer images {(None, *shape)}. {received} fails: {why}. A source is "
            "a Keras model, or a function of (images, training)."
        ) from error
    logits = answer.get("logits") if isinstance(answer, dict) else answer
    if isinstance(logits, list | tuple) and len(logits) == 1:
        (logits,) = logits
    found = tuple(getattr(logits, "shape", ()))
    if len(found) != 2 or found[0] != IMAGES:
        gives = f"{len(logits)} outputs" if isinstance(logits, list | tuple) else f"{found}"
        gives = "a dict without 'logits'" if isinstance(answer, dict) and logits is None else gives
        raise ValueError(
            f"The {name} must give logits [B, K], or a dict with 'logits'. {received} gives "
            f"{gives} for {IMAGES} images. {WRAP}"
        )
    values = keras.ops.convert_to_numpy(keras.ops.cast(logits, "float32"))
    sums = values.sum(axis=-1)
    if found[1] > 1 and values.min() >= 0 and np.abs(sums - 1).max() < SUM_TOLERANCE:
        raise ValueError(
            f"The {name} must end in logits. {received} gives probabilities: no value is below 0, "
            "and the rows sum to 1. Take what stands before its softmax, or a model that undoes "
            "it: keras.Model(inputs, keras_kd.models.answers.LogProbabilities('probabilities')("
            "model(inputs)))."
        )
    return answer
