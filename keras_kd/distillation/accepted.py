"""Which networks a KDModel accepts: looked at by name, before anything is built."""

import itertools

import keras

from keras_kd.models.ending import ending
from keras_kd.models.output import likeliest_logits, symbolic_outputs, to_rows
from keras_kd.models.taps import graph_of


def by_name(argument, networks, example):
    """A dict of name to network, of None an empty one; ValueError for anything else."""
    if networks is not None and not isinstance(networks, dict):
        raise ValueError(
            f"{argument} must be a dict of name to network. Received: {argument}={networks!r}. "
            f"Give {argument}={{{example!r}: model}}."
        )
    return dict(networks or {})


def check_networks(learners, sources):
    """Refuses networks that could not be trained or followed.

    Args:
        learners: dict of name to what is to learn from images.
        sources: dict of name to what is followed and never trained: Keras models,
            `keras_kd.teachers` objects, or other functions of images.

    Raises:
        ValueError: one that is no model, takes several inputs, gives no logits or squashes them; a
            learner without a functional graph or without weights to train; or one that would
            train a source or another learner.
    """
    for name, model in learners.items():
        _check_learner(name, model)
    for name, model in sources.items():
        _check_source(name, model)
    for name, model in {**learners, **sources}.items():
        _check_inputs(name, model)
        _check_answer(name, model)
    for name, model in learners.items():
        twins = [n for n, source in sources.items() if _weights(source) & _weights(model)]
        _check_trains(name, model, twins)
        for source in twins:
            _check_apart(name, model, source, sources[source])
    for (name, model), (other, twin) in itertools.combinations(learners.items(), 2):
        _check_own(name, model, other, twin)


def _check_learner(name, model):
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"The {name} must be a Keras model. Received: {name}={model!r}. Build one, or load it "
            "with keras.models.load_model."
        )
    if symbolic_outputs(model) is None:
        raise ValueError(
            f"The {name} must be a functional or Sequential Keras model that is built: shapes and "
            f"taps are read from its graph. Received: {model.name!r}, a "
            f"{type(model).__name__} without one. Wrap it: inputs = keras.Input((height, width, "
            "channels)); model = keras.Model(inputs, model(inputs))."
        )


def _check_source(name, model):
    # Another object may draw by the step whom it lets answer, see `distillation.sources`.
    answers = callable(model) or hasattr(model, "outputs_at")
    if not answers or isinstance(model, type):
        raise ValueError(
            f"The {name} must be a Keras model or another function of images. Received: "
            f"{name}={model!r}. Load it first: keras_kd.teachers.load(handle, num_classes, "
            "input_shape)."
        )


def _check_inputs(name, model):
    inputs = getattr(graph_of(model), "inputs", ())
    if len(inputs) > 1:
        raise ValueError(
            f"The {name} must take one tensor, the images. Received: {model.name!r} with "
            f"{len(inputs)} inputs. Fix the others: images = keras.Input((height, width, "
            "channels)); model = keras.Model(images, model([images, ...]))."
        )


def _check_answer(name, model):
    """One tensor, the logits, or a dict that names them; nothing that squashes them."""
    outputs = symbolic_outputs(model)
    several = isinstance(outputs, list | tuple) and len(outputs) != 1
    if several or (isinstance(outputs, dict) and "logits" not in outputs):
        raise ValueError(
            f"The {name} must give logits [B, K], or a dict with 'logits'. Received: "
            f"{model.name!r} with the outputs {_listed(outputs)}. Name the logits: "
            f"keras.Model(model.input, {{'logits': {likeliest_logits(outputs)}}})."
        )
    if outputs is not None:
        _check_flat(name, model, outputs)
    found = ending(model)
    if found:
        # What `teachers.freeze` made is no Keras model any more.
        advice = "Give" if isinstance(model, keras.Model) else "Freeze"
        raise ValueError(
            f"The {name} must end in logits. Received: the model {model.name!r}, which ends in "
            f"{found}. {advice} keras_kd.models.to_logits(model), the same network without it."
        )


def _check_flat(name, model, outputs):
    logits = outputs["logits"] if isinstance(outputs, dict) else keras.tree.flatten(outputs)[0]
    if len(logits.shape) != 2:
        raise ValueError(
            f"The {name} must give logits [B, K]. Received: {model.name!r} with logits of shape "
            f"{tuple(logits.shape)}. Bring them to that: {to_rows(outputs, logits.shape)}."
        )


def _check_trains(name, model, twins):
    if model.trainable_variables:
        return
    received = f"{model.name!r}, which has no weights"
    advice = "Give it layers with weights."
    if model.weights:
        received = f"{model.name!r}, all of whose weights are frozen"
        advice = f"{_thaw('model')}."
    if twins:
        received += f" and are those of the {twins[0]}"
        advice = f"{_COPY}. {_thaw('copy')}."
    raise ValueError(f"The {name} must have weights to train. Received: {received}. {advice}")


_COPY = (
    "Give a copy that has weights of its own: copy = keras.models.clone_model(model); "
    "copy.set_weights(model.get_weights())"
)


def _thaw(model):
    # Set to what it is, `trainable` is not passed on to layers that are frozen one by one.
    return f"Thaw it: {model}.trainable = False; {model}.trainable = True"


def _check_apart(name, model, source_name, source):
    """A source is never trained: no step of a learner may move a weight of it."""
    shared = _moved(model).keys() & _weights(source)
    if shared:
        paths = sorted(_moved(model)[key].path for key in shared)
        raise ValueError(
            f"The {source_name} is never trained, so the {name} must not train weights of it. "
            f"Received: {len(paths)} weights of both, such as {paths[0]!r}. {_COPY}; or freeze "
            "what they share: layer.trainable = False."
        )


def _check_own(name, model, other, twin):
    """Each weight is trained by one learner: two optimizers would undo each other's steps."""
    moved = _moved(model)
    shared = sorted(moved[key].path for key in moved.keys() & _moved(twin).keys())
    if shared:
        raise ValueError(
            f"Each weight is trained by one learner. Received: {len(shared)} weights of the "
            f"{name} and of the {other}, such as {shared[0]!r}. {_COPY}; or freeze what they "
            "share: layer.trainable = False."
        )


def _weights(model):
    model = getattr(model, "original", model)
    return {id(weight) for weight in getattr(model, "weights", ())}


def _moved(model):
    """What a step moves, by id: weights to train, and the moving statistics of batch norm."""
    moved = list(model.trainable_variables)
    for layer in _layers(model):
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
            moved += layer.non_trainable_variables
    return {id(variable): variable for variable in moved}


def _layers(model):
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)


def _listed(outputs):
    items = outputs if isinstance(outputs, dict) else dict(enumerate(outputs))
    return ", ".join(f"{key!r} {tuple(tensor.shape)}" for key, tensor in items.items())
