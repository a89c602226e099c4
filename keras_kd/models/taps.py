"""Taps: a model's inner features by layer name, in the same pass that gives its logits.

Keras can only cut a functional model open at its top level. Here the graph is replayed once,
symbolically, with nested models unrolled, so that one call yields the logits and every tapped
feature, and each layer keeps its weights and its own call arguments. The replay uses
`Functional._run_through_graph`, which is private to Keras: this file is the only one that
touches it, and `tests/models/test_taps.py` fails loudly when it changes.
"""

import keras

from keras_kd.utils.names import nearest


def graph_of(model):
    """The functional graph behind a model (`Sequential` hides its own), or None."""
    graph = getattr(model, "_functional", model)
    return graph if hasattr(graph, "_run_through_graph") else None


class _Replay:
    """Runs a model's graph on symbolic tensors and records every layer's output by name.

    Args:
        opened: paths of the nested models to unroll; None for all.
    """

    def __init__(self, opened=None):
        self.opened = opened
        self.views = {}  # tap name -> (the layer that makes it, of that tensor)
        self.outputs = {}  # tap name -> symbolic output of that call
        self.calls = []  # (operation, args, kwargs, output), nested models unrolled, in order

    def run(self, graph, inputs, prefix="", training=None):
        def call(operation, *args, **kwargs):
            path = f"{prefix}{operation.name}"
            whole = self.opened is not None and path not in self.opened
            inner = None if whole else graph_of(operation)
            if inner is None:
                if training is not None and getattr(operation, "_call_has_training_arg", False):
                    kwargs.setdefault("training", training)
                output = operation(*args, **kwargs)
                self.calls.append((operation, args, kwargs, output))
            else:
                # A backbone called as `backbone(x, training=False)` stays in inference mode.
                frozen = kwargs.get("training", training)
                images = args[0] if args else kwargs["inputs"]
                output = self.run(inner, images, f"{path}/", frozen)
            path = self._record(prefix, operation.name, output)
            if path and hasattr(operation, "tap_views"):
                for suffix, view in operation.tap_views().items():
                    self.views[f"{path}_{suffix}"] = (view, output)
            return output

        return graph._run_through_graph(inputs, operation_fn=lambda op: op, call_fn=call)

    def _record(self, prefix, name, output):
        if not isinstance(output, keras.KerasTensor):
            return None  # several outputs: nothing that one name could stand for
        calls = sum(1 for key in self.outputs if key.split(":")[0] == f"{prefix}{name}")
        path = f"{prefix}{name}" + (f":{calls}" if calls else "")
        self.outputs[path] = output
        return path

    def find(self, name, model):
        """The output that `name` means: a full path, or a layer name that only one path ends in."""
        path = self.path(name, model)
        if path not in self.outputs:  # a view is made where it is asked for
            view, output = self.views[path]
            self.outputs[path] = view(output)
            self.calls.append((view, (output,), {}, self.outputs[path]))
        return self.outputs[path]

    def path(self, name, model):
        """The full path that `name` means."""
        known = self.names()
        if name in known:
            return name
        matches = [path for path in known if path.split("/")[-1] == name]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise ValueError(
                f"The tap name stands for several layers of '{model.name}': {matches}. "
                f"Received: tap={name!r}. Write the full path."
            )
        if len(self.outputs) == 1:
            raise ValueError(
                f"The model '{model.name}' shows its logits and no features, as a SavedModel or a "
                f"hub module does, so that nothing else can be tapped. Received: tap={name!r}. Use "
                "methods that need no taps, such as SoftTargets, DKD or DIST."
            )
        by_layer = [path.split("/")[-1] for path in known]
        raise ValueError(
            f"A tap must be a layer of the model '{model.name}'. Received: tap={name!r}."
            f"{nearest(name, by_layer)} Taps there are: {', '.join(known)}."
        )

    def names(self):
        """All taps in the order in which the layers run, each before the views of it."""
        views = {}
        for path, (_, output) in self.views.items():
            views.setdefault(id(output), []).append(path)
        return [
            name
            for path, output in self.outputs.items()
            if path not in self.views
            for name in (path, *views.get(id(output), ()))
        ]


def tap_names(model):
    """Lists the taps of a functional model.

    Args:
        model: functional or `Sequential` Keras model, built.

    Returns:
        list of str, in the order in which the layers run; a layer of a nested model is
        `outer/inner`, the second call of a shared layer is `layer:1`; another form that a layer
        has of its output, by its `tap_views`, is `layer_form`, as in `block3_map`.

    Raises:
        ValueError: the model has no functional graph.
    """
    return _replay(model)[0].names()


def inputs_of(model, kind):
    """What goes into the layers of a kind.

    Args:
        model: functional or `Sequential` Keras model, built.
        kind: class of layers.

    Returns:
        dict from the tap whose output a layer takes to the layer, in the order in which they run; a
        layer that takes the model's own input has no tap and is left out.

    Raises:
        ValueError: the model has no functional graph.
    """
    replay, *_ = _replay(model)
    taps = {id(output): name for name, output in replay.outputs.items()}
    found = {}
    for operation, args, kwargs, _ in replay.calls:
        if isinstance(operation, kind):
            given = args[0] if args else next(iter(kwargs.values()))
            found.setdefault(taps.get(id(given)), operation)
    return {tap: layer for tap, layer in found.items() if tap is not None}


def _replay(model, images=None, opened=None):
    graph = graph_of(model)
    if graph is None:
        raise ValueError(
            "Taps need a functional or Sequential Keras model. Received: "
            f"model={model.name!r} of type {type(model).__name__}. Build it with "
            "keras.Model(inputs, outputs), or use a method that matches the logits only."
        )
    replay = _Replay(opened)
    inputs = (
        [images]
        if images is not None
        else [keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name) for x in graph.inputs]
    )
    return replay, inputs, replay.run(graph, inputs)


def tapped(model, names):
    """A model that shares all weights with `model` and returns its logits and tapped features.

    Args:
        model: functional or `Sequential` Keras model with one input and one output, the logits,
            or a dict with `logits`.
        names: tap names, as `tap_names` lists them; a bare layer name will do where it is unique.

    Returns:
        a `keras.Model` from images to a dict: `logits` `[B, K]` and each name's tensor.

    Raises:
        ValueError: not a functional model, or a tap that does not exist or is not unique.
    """
    everything, *_ = _replay(model)
    paths = {name: everything.path(name, model) for name in names}
    # Other nested models stay whole: their layers may bear the same names.
    parts = [path.split("/") for path in paths.values()]
    opened = {"/".join(part[:end]) for part in parts for end in range(1, len(part))}
    replay, inputs, answer = _replay(model, opened=opened)
    outputs = {name: replay.find(path, model) for name, path in paths.items()}
    outputs |= answer if isinstance(answer, dict) else {"logits": answer}
    return keras.Model(inputs[0], outputs, name=f"{model.name}_tapped")


def with_taps(model, names):
    """As `tapped`; of a frozen teacher, which knows how to give its own, what it gives."""
    return model.with_taps(names) if hasattr(model, "with_taps") else tapped(model, names)


def flat_calls(model, names=(), images=None):
    """The calls of one inference pass in order, nested models unrolled.

    Args:
        model: functional or `Sequential` Keras model with one input and one output, the logits.
        names: tap names, as in `tapped`.
        images: symbolic images to run the model on, of any size that its layers take; by default
            a new input of the model's own.

    Returns:
        (input, calls, outputs): the symbolic input; a list of (operation, args, kwargs, output)
        whose tensors are symbolic; and a dict from `logits` and each name to its tensor.

    Raises:
        ValueError: as `tapped`.
    """
    replay, inputs, answer = _replay(model, images)
    logits = answer["logits"] if isinstance(answer, dict) else answer
    outputs = {name: replay.find(name, model) for name in dict.fromkeys(names)}
    calls = []
    for operation, args, kwargs, output in replay.calls:
        # Called with training=False, Keras hands that to every layer, whatever the graph says.
        if getattr(operation, "_call_has_training_arg", False):
            kwargs = {**kwargs, "training": False}
        calls.append((operation, args, kwargs, output))
    return inputs[0], calls, outputs | {"logits": logits}
