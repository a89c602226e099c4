"""A student that stays as it is, and beside it an assistant that learns what it lacks."""

import keras
from keras import layers

from keras_kd.models import builders
from keras_kd.models.cutting import features_of
from keras_kd.models.taps import flat_calls
from keras_kd.models.wrap.graph import calls_of
from keras_kd.models.wrap.rebuild import (
    acts_in_training_only,
    copy_of,
    dtypes_of,
    in_parts,
    remade,
)
from keras_kd.utils.names import nearest

NAME = "residual"
PREFIX = "assistant_"  # of the names of the assistant's layers
SUM = "corrected"  # the layer that gives the student's values and what was missing


def residual(model, assistant, options=None, tap="", *, input_shape=None):
    """Adds to a student, which is frozen, an assistant that learns the residual to its teacher.

    What the student gives at `tap` and what the assistant adds there is the layer `corrected`; what
    follows in the student, frozen as well, sees the sum. The assistant adds zero at first: its last
    layer, dense or a 1x1 convolution, starts at zero. Trained to match the teacher, it learns
    teacher minus student.

    The authors derive student and assistant from one network, so that both together cost no more
    than it. Here the widths of both are told, and the two networks are whole: of the paper, whose
    abstract alone was at hand, the rule by which channels are divided is not known.

    Args:
        model: functional or `Sequential` Keras model, the student that has learned. It is left as
            it is.
        assistant: name of a builder, see `keras_kd.models.build`, or a functional Keras model of
            images of the student's size.
        options: dict of further arguments of that builder.
        tap: name of a layer of the student, whose features are corrected, and of one of the
            assistant with as many rows and columns; empty: the logits are.
        input_shape: (height, width, channels) of the images; default: the student's.

    Returns:
        A functional `keras.Model` from images to logits; the student's layers have their own names,
        those of the assistant begin with `assistant_` and are all that trains.
        `without_assistant` gives the student back.

    Raises:
        ValueError: networks that cannot be followed, a tap that one of them lacks, or features of
            other rows and columns.

    Paper: Gao et al. 2020, "Residual Knowledge Distillation", arXiv 2002.09168.
    """
    network = calls_of(_frozen(model, input_shape), wrapper=NAME)
    corrected = _corrected(network, tap, model)
    added = _added(assistant, options, tap, corrected.output, network.images)
    add = layers.Add(name=SUM, dtype=None if tap else "float32")
    made = {id(call.output): call.output for call in network.calls}
    made |= {
        id(network.images): network.images,
        id(corrected.output): add([corrected.output, added]),
    }
    behind = network.calls[network.calls.index(corrected) + 1 :]
    for call in behind:
        made[id(call.output)] = call.again(made)
    return keras.Model(network.images, made[id(network.logits)], name=f"{model.name}_{NAME}")


def without_assistant(model):
    """The student alone of a network that `residual` made.

    Args:
        model: what `residual` made, trained or not.

    Returns:
        a functional `keras.Model` of layers with the student's names and weights.

    Raises:
        ValueError: another model.
    """
    network = calls_of(model, wrapper="without_assistant")
    sums = [call for call in network.calls if call.layer.name == SUM]
    if not sums:
        raise ValueError(
            "without_assistant takes what keras_kd.models.residual made. Received: "
            f"model={model.name!r}, which has no layer {SUM!r}."
        )
    names = set()

    def parts_of(call):
        return [(copy_of(call.layer, {}, names), call.layer.get_weights())]

    alone, _ = in_parts(network, parts_of, f"{model.name}_alone", gone={id(sums[0])})
    return alone


def _corrected(network, tap, model):
    """The call of the student whose result gets a correction."""
    if not tap:
        return next(call for call in network.calls if call.output is network.logits)
    found = [call for call in network.calls if call.layer.name == tap]
    if len(found) != 1:
        known = [call.layer.name for call in network.calls]
        raise ValueError(
            f"tap must be a layer of {model.name!r} that is called once. Received: tap={tap!r}."
            f"{nearest(tap, known)}"
        )
    return found[0]


def _frozen(model, input_shape):
    """A copy of the student that neither trains nor drops or measures anything."""
    network = calls_of(model, input_shape, NAME)
    dtypes = dtypes_of(network)

    def change(layer, names):
        if acts_in_training_only(layer):
            return None, []
        frozen = {"dtype": dtypes[id(layer)], "trainable": False}
        return copy_of(layer, frozen, names), layer.get_weights()

    return remade(network, change, model.name)


def _added(assistant, options, tap, result, images):
    """What the assistant adds to the student's `result`, symbolic, zero at first."""
    if not isinstance(assistant, keras.Model):
        builders.check(assistant, options or {}, key="assistant")
        assistant = builders.build(
            assistant, result.shape[-1], tuple(images.shape[1:]), **(options or {})
        )

    def change(layer, names):
        return copy_of(layer, {}, names, prefix=PREFIX), layer.get_weights()

    network = remade(calls_of(assistant, wrapper=NAME), change, assistant.name)
    if tap:
        features = flat_calls(network, [f"{PREFIX}{tap}"], images)[-1][f"{PREFIX}{tap}"]
    else:
        features, _ = features_of(network, images)
    if features.shape[1:-1] != result.shape[1:-1]:
        raise ValueError(
            "The assistant adds to the student's features, so both must have as many rows and "
            f"columns. Received: tap={tap!r} of {tuple(features.shape[1:])} in the assistant and "
            f"of {tuple(result.shape[1:])} in the student. Choose a tap behind as many strides, or "
            "tap='' for the logits."
        )
    kwargs = {"kernel_initializer": "zeros", "name": f"{PREFIX}{NAME}"}
    if len(result.shape) == 4:
        return layers.Conv2D(result.shape[-1], 1, **kwargs)(features)
    return layers.Dense(result.shape[-1], dtype=None if tap else "float32", **kwargs)(features)
