"""A network that has learned some classes, with a classifier that has outputs for more."""

import keras

from keras_kd.models.answers import ClassOrder
from keras_kd.models.ending import is_transparent
from keras_kd.models.some_classes import SomeClasses, knowing
from keras_kd.models.wrap.graph import calls_of
from keras_kd.models.wrap.rebuild import copy_of, dtypes_of, remade
from keras_kd.models.wrap.unquantize import refuse_rounded

# Exactly these types end in a row of weights for each class, and what tells how many.
HEADS = {keras.layers.Dense: "units", keras.layers.Conv2D: "filters"}
CHOOSING = (SomeClasses, ClassOrder)  # put classes into another order, by their `indices`


def extend(model, classes=None, head_alone=False, *, input_shape=None):
    """Gives a network new classes: the rest of it, and what it knows of the old, stay as they are.

    The rows of its classifier that know the old classes are kept, those of the new begin as the
    layer's own initializers make them. All classes stand in the order of the data's.

    Paper: Li, Hoiem 2016, "Learning without Forgetting", arXiv 1606.09282, whose warm-up trains
    the new rows alone before the rest joins: `head_alone`, then what `continued` makes of it.

    Args:
        model: functional or `Sequential` Keras model with one input and one output, that ends in a
            `Dense` or `Conv2D`; what `keras_kd.models.some_classes.knowing` gave, of logits of
            all of the data's classes, of which it knows some; or a plain one, whose classes are the
            data's first. It is left as it is.
        classes: indices of the new classes among the data's; None or empty: all that it does not
            know.
        head_alone: True: all but the classifier is frozen, its batch norms included. The rows of
            the old classes stand in one kernel with the new; a loss among the new ones alone gives
            them no gradient, but a weight decay shrinks them.
        input_shape: (height, width, channels) of the new network's images; default: the model's.

    Returns:
        A functional `keras.Model` of layers of the same names, trainable but for `head_alone`,
        with float32 logits of all the data's classes. Where it still lacks some, it is as
        `knowing` makes one.

    Raises:
        ValueError: `head_alone` that is no bool; no new class, or one that the network knows; a
            network that ends otherwise.
    """
    if not isinstance(head_alone, bool):
        raise ValueError(f"head_alone must be True or False. Received: head_alone={head_alone!r}.")
    network = calls_of(model, input_shape, "extend")
    refuse_rounded(network, "extend")
    head, tail, rows = _classifier(network)
    new = _new_classes(model, classes, rows)
    total = max([len(rows), *(one + 1 for one in new)])
    rows = [*rows, *[-1] * (total - len(rows))]
    known = [one for one in range(total) if rows[one] >= 0 or one in new]
    dtypes, wider = dtypes_of(network), []

    def change(layer, names):
        if isinstance(layer, CHOOSING):
            return None, []
        changes, kind = {"dtype": dtypes[id(layer)]}, None
        if layer is head.layer:
            wider.append(copy_of(layer, {**changes, HEADS[type(layer)]: len(known)}, names))
            return wider[0], []
        if id(layer) in tail and isinstance(layer, keras.layers.Reshape):
            layer, kind = keras.layers.Flatten(name=layer.name), keras.layers.Flatten
        return copy_of(layer, changes, names, kind), layer.get_weights()

    extended = remade(network, change, f"{model.name}_extended")
    _keep_rows(head.layer, wider[0], [rows[one] for one in known])
    if head_alone:
        for layer in extended.layers:
            layer.trainable = layer is wider[0]
    return knowing(extended, known, total)


def _classifier(network):
    """The `Call` that makes the logits, the ids of the layers behind it, and its rows.

    The rows are, for each of the model's outputs, the place of its class among those of the
    classifier; -1 where it does not know the class.
    """
    made_by = {id(call.output): call for call in network.calls}
    call, tail = made_by[id(network.logits)], set()
    rows = list(range(network.logits.shape[-1]))
    while type(call.layer) not in HEADS and _is_passed(call):
        if isinstance(call.layer, CHOOSING):
            rows = [call.layer.indices[row] if row >= 0 else -1 for row in rows]
        tail.add(id(call.layer))
        call = made_by[id(call.tensors[0])]
    if type(call.layer) not in HEADS or call.layer.activation is not keras.activations.linear:
        kinds = " or ".join(kind.__name__ for kind in HEADS)
        raise ValueError(
            f"extend takes a network that ends in a linear {kinds} layer, whose rows are its "
            f"classes. Received: layer {call.layer.name!r} of type {type(call.layer).__name__} at "
            "its end. Give a network of logits whose graph Keras shows."
        )
    return call, tail, rows


def _is_passed(call):
    """Whether what goes into a call comes out, but for the order and the form of the classes."""
    passed = isinstance(call.layer, CHOOSING) or is_transparent(call.layer)
    return passed and isinstance(call.layer, keras.layers.Layer) and len(call.tensors) == 1


def _new_classes(model, classes, rows):
    """Indices of the new classes, a list; arguments as of `extend` and what `_classifier` gave."""
    lacking = [index for index, row in enumerate(rows) if row < 0]
    new = list(classes or lacking)
    twice = [one for one in new if one < len(rows) and rows[one] >= 0]
    if not new or twice:
        knows = f"knows all {len(rows)}" if not lacking else f"knows {len(rows) - len(lacking)}"
        said = f", of which it knows {', '.join(map(str, twice))} already" if twice else ""
        raise ValueError(
            "The classes of a stage must be new to the network that it extends, and there must be "
            f"some. Received: {model.name!r}, which {knows} of the data's classes, and "
            f"classes={tuple(new)} by their index{said}. Let the `classes` of this stage and of "
            "those before it be others."
        )
    return new


def _keep_rows(old, new, rows):
    """Puts the rows that are known into a wider classifier; the others stay as they are."""
    kept = [place for place, row in enumerate(rows) if row >= 0]
    taken = [rows[place] for place in kept]
    for there, here in zip(old.get_weights(), new.weights, strict=True):
        values = keras.ops.convert_to_numpy(here).copy()
        values[..., kept] = there[..., taken]
        here.assign(values)
