"""From whatever a network answers to its logits: several outputs, a softmax, one or more sigmoids.

What stands at the end is read off the graph, and off the answers to a few images, since a graph may
hide it. Where the graph shows the logits before it, these teach; else they are made of the
probabilities, see `keras_kd.models.answers`.
"""

import contextlib
import logging

import keras
import numpy as np

from keras_kd.models.answers import BinaryLogits, LogProbabilities, is_binary, is_normalized
from keras_kd.models.ending import ending, last_operation, squashing, to_logits
from keras_kd.models.hub import run_once
from keras_kd.models.merged import sources
from keras_kd.models.output import (
    UnknownOutput,
    as_two_classes,
    symbolic_outputs,
    to_rows,
    with_one_output,
)
from keras_kd.teachers.wanted import Asked, one_of

NOISE = 5  # random images that a model is shown, beside flat ones
SUM_TOLERANCE = 1e-2  # of probabilities: a thousand of them in half precision
MOST = 0.5  # by which rounding may change a sum: rows of zeros are no probabilities
SAME = 1e-3  # of probabilities, between the two ways to compute them
# What is of a small size, so that few answers cannot show that they are no logits.
BOUNDED = {"softmax", "sigmoid", "hard_sigmoid", "sparsemax"}


def _softmax(logits):
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def _sigmoid(logits):
    return 1 / (1 + np.exp(-np.clip(logits, -500, 500)))


# By what stands at the end: what it makes of logits, and the layer that goes back.
ACTIVATIONS = {
    "softmax": (_softmax, LogProbabilities, "probabilities"),
    "log_softmax": (lambda z: np.log(_softmax(z)), LogProbabilities, "log_probabilities"),
    "sigmoid": (_sigmoid, BinaryLogits, "probabilities"),
    "log_sigmoid": (lambda z: np.log(_sigmoid(z)), BinaryLogits, "log_probabilities"),
}
NAMES = ("linear", *ACTIVATIONS)
_logger = logging.getLogger(__name__)


def check_activation(activation):
    """What stands behind logits: `activation` itself; ValueError for an unknown one."""
    return one_of("activation", activation, NAMES)


@contextlib.contextmanager
def asked_for_output(label):
    """Context in which several outputs, none of which is known to be the logits, are asked about"""
    try:
        yield
    except UnknownOutput as error:
        raise Asked(f"{label}: {error}.", "output", error.likeliest) from error


def one_output(model, label, wanted):
    """A model with one output, the logits or what is to become them, of a model with any.

    Args:
        model: functional Keras model.
        label: the model for an error.
        wanted: `Wanted`.

    Returns:
        `model`, or a `keras.Model` that shares all layers.

    Raises:
        ValueError: no output of the wanted name, none that is `[B, K]`, or several.
    """
    with asked_for_output(label):
        found = with_one_output(model, wanted.answer.output, wanted.num_outputs)
    shape = tuple(symbolic_outputs(found).shape)
    if len(shape) != 2:
        raise ValueError(
            "a teacher must have one output, the logits [B, num_classes]. Received: "
            f"{label} with an output of shape {shape}. Bring it to that: "
            f"{to_rows(symbolic_outputs(model), shape)}."
        )
    return found


def with_logits(model, label, wanted):
    """A model of at least two logits, of one that may answer in probabilities.

    Args:
        model: functional Keras model from images in [-1, 1] to one output `[B, K]`.
        label: the model for an error.
        wanted: `Wanted`.

    Returns:
        `model`, or a `keras.Model` that shares its layers: without what stands behind the logits,
        or with what makes logits of probabilities. One logit z is two classes, [0, z].

    Raises:
        ValueError: rows that are none, values that are not finite, or an end that cannot be
            undone or told.
    """
    answers = _answers(model, label, wanted.input_shape)
    kind = _kind(model, answers, label, wanted.answer.activation)
    if kind == "linear":
        return as_two_classes(model)
    squash, layer, given = ACTIVATIONS[kind]
    step = _step(model)
    if step:
        _logger.warning(
            "%s: its %s gives whole numbers, %.2g apart, and 0 for all that is less: its soft "
            "targets are coarse. A float file of the same network teaches more.",
            label,
            kind,
            step,
        )
    binary, units = layer is BinaryLogits, answers.shape[-1]
    if units == 1 and not binary:
        raise ValueError(
            f"a teacher must tell classes apart. Received: {label}, a {kind} of one output, which "
            "answers the same to every image. Take one with a sigmoid there, or with two outputs."
        )
    plain = _without_end(model)
    if plain is not None and np.allclose(squash(_run(plain, wanted.input_shape)), answers,
                                         atol=SAME, rtol=SAME):  # fmt: skip
        model, given = plain, "logits"
    if given != "logits" or (binary and units > 1):
        model = keras.Model(model.inputs[0], layer(given)(model.outputs[0]), name=model.name)
    return as_two_classes(model)


def _without_end(model):
    """The model before its softmax or sigmoid; None where no graph shows that, or it cannot go."""
    if ending(model) is None:
        return None
    try:
        return to_logits(model)
    except (TypeError, ValueError):  # a layer of the user's, which cannot be made anew
        return None


def _kind(model, answers, label, asked):
    """What stands at the end: a name of `NAMES`."""
    if is_normalized(model) or is_binary(model):
        return "linear"  # they are logits already
    found, behind = ending(model), sources(model)
    _check_alone(behind, label)
    if found and asked not in ("", found.kind):
        raise ValueError(
            f"activation must be what stands at the end of the model. Received: activation="
            f"{asked!r} for {label}, which ends in {found}. Leave it out."
        )
    if found and found.kind not in NAMES:
        raise ValueError(
            f"a teacher must give logits. Received: {label}, whose last layer applies {found}, "
            "which cannot be undone. Give keras_kd.models.to_logits(model), the same network "
            "without it, if its scores are logits."
        )
    shown = getattr(last_operation(model), "shown", "")
    if shown and asked not in ("", shown):
        raise ValueError(
            f"activation must be what stands at the end of the model. Received: activation="
            f"{asked!r} for {label}, whose file shows {shown}. Leave it out."
        )
    if found or asked or shown:
        return found.kind if found else asked or shown
    return _kind_of(answers, model, behind, label)


def _kind_of(answers, model, behind, label):
    """What the graph or the answers alone tell of an end that the graph does not show whole."""
    kinds = {one.kind for one in behind}
    if kinds == {"linear"}:
        return "linear"
    within = bool((answers >= -1e-6).all() and (answers <= 1 + 1e-6).all())
    sums = answers.sum(axis=-1)
    rounded = min(answers.shape[-1] * _step(model) / 2, MOST)
    if answers.shape[-1] > 1 and within and np.allclose(sums, 1, atol=max(SUM_TOLERANCE, rounded)):
        return "softmax"
    largest = answers.max(axis=-1, keepdims=True)
    logsumexp = largest[:, 0] + np.log(np.exp(answers - largest).sum(axis=-1))
    if answers.shape[-1] > 1 and np.allclose(logsumexp, 0, atol=1e-3):
        return "log_softmax"
    bounded = (kinds and kinds <= BOUNDED) or squashing(last_operation(model))
    if not within and not bounded:
        return "linear"
    raise _unknown(answers, behind, within, label)


def _step(model):
    """What lies between two answers of a file that gives whole numbers; 0 of any other model."""
    return getattr(last_operation(model), "step", 0.0)


def _check_alone(behind, label):
    """Refuses a softmax over the images of a batch."""
    for source in behind:
        if source.mixes_images:
            raise ValueError(
                "a teacher must answer to each image by itself. Received: "
                f"{label}, whose {source.kind} ({source.operation.name!r}) is one over the images "
                "of a batch, axis 0. Build it with that of the classes, axis=-1."
            )


def _unknown(answers, behind, within, label):
    """The question what answers are: `Asked`."""
    shown = [f"{one.kind} ({one.operation.name!r})" for one in behind if one.kind in BOUNDED]
    made = f" They are made of {', '.join(shown[:3])}." if shown else ""
    choices = [
        ("sigmoid", "if each output is a probability"),
        ("linear", "if they are logits"),
        ("softmax", "if they tell which one of the classes it is"),
    ]
    fitting = {"softmax": answers.shape[-1] > 1 and answers.min() >= -1e-6, "sigmoid": within}
    told = [f"activation={name!r} {when}" for name, when in choices if fitting.get(name, True)]
    return Asked(
        "whether a teacher answers in logits or in probabilities cannot be told where neither its "
        f"last layer nor its answers show it. Received: {label}, whose answers to {len(answers)} "
        f"images lie between {answers.min():.3g} and {answers.max():.3g}.{made} Pass "
        f"{', '.join(told)}.",
        "activation",
        next(name for name, _ in choices if fitting.get(name, True)),
    )


def _answers(model, label, input_shape):
    """float64 `[N, K]` of what a model says to a few images, checked to be finite rows."""
    answers = _run(model, input_shape)
    if answers.shape != (NOISE + 3, model.output_shape[-1]):
        raise ValueError(
            "the teacher must give one row of logits per image. Received: outputs of shape "
            f"{answers.shape} for {NOISE + 3} images from {label}."
        )
    if not np.isfinite(answers).all():
        raise ValueError(
            "the teacher must give finite logits for images in [-1, 1]. "
            f"Received: {int((~np.isfinite(answers)).sum())} values that are not finite from "
            f"{label}. Its weights may be damaged, or its input_range wrong."
        )
    return answers


def _run(model, input_shape):
    shape = input_shape or tuple(side or 224 for side in model.input_shape[1:])
    noise = np.random.default_rng(0).uniform(-1, 1, (NOISE, *shape))
    flat = np.stack([np.full(shape, value) for value in (-1.0, 0.0, 1.0)])
    images = keras.ops.convert_to_tensor(np.concatenate([noise, flat]).astype("float32"))
    answers = run_once(lambda x: model(x, training=False), images)
    return keras.ops.convert_to_numpy(answers).astype("float64")
