"""A model's state by name: names that stay the same however often a network is built.

Keras numbers the layers that have no name through the whole process: `dense`, `dense_1`. Here they
are numbered anew within the model or layer that holds them. Finding the layers inside a layer takes
`Layer._flatten_layers`, which is private to Keras; `tests/distillation/test_state.py` fails when
it changes.
"""

import re
import warnings

import keras

WAY_TO_TRAIN = (
    "KDModel is a way to train, not a model to ship. Save the student: "
    "kd.student.save('student.keras'). To go on training later, kd.save_weights('kd.weights.h5')."
)


class StepCounter(keras.layers.Layer):
    """The step of a model as a weight: all ways to save the model save it, and none the student."""

    def __init__(self):
        super().__init__(name="step_counter")
        self.step = self.add_weight(
            shape=(), dtype="int64", trainable=False, initializer="zeros",
            aggregation="only_first_replica", name="step",
        )  # fmt: skip
        self.built = True

    def save_own_variables(self, store):
        store["step"] = self.step

    def load_own_variables(self, store):
        if "step" not in list(store.keys()):
            warnings.warn(
                "These weights were saved without their step, so warm-ups and dropout begin anew. "
                "Give the number of steps they have seen: kd.go_on_from(step).",
                stacklevel=2,
            )
            return
        self.step.assign(store["step"])


class NamedState:
    """Mixin of `KDModel`: what is saved of it, and what is not."""

    def save(self, *args, **kwargs):
        """Refuses: only the student leaves."""
        raise NotImplementedError(WAY_TO_TRAIN)

    def export(self, *args, **kwargs):
        """Refuses, as `save` does."""
        raise NotImplementedError(WAY_TO_TRAIN)

    def get_config(self):
        """Refuses, as `save` does: whatever makes a model anew begins here."""
        raise NotImplementedError(WAY_TO_TRAIN)

    @property
    def step(self):
        """Steps done, an int64 variable."""
        return self.step_counter.step

    def state(self):
        """All that a checkpoint must hold, by name.

        Returns:
            dict of name to Keras variable: `step`, `network/student/...`, `method/crd/...`,
            `follower/ema/...` and, once compiled, `optimizer/student/...`. The names are the same
            when the same networks are built again, whatever Keras calls their layers.
        """
        found = {"step": self.step}
        parts = [(f"network/{name}", model) for name, model in self.learners.items()]
        parts += [(f"method/{method.name}", method) for method in self.methods]
        parts += [(f"follower/{follower.name}", follower) for follower in self.followers]
        for prefix, part in parts:
            found |= layer_state(part, prefix, map(id, found.values()))
        if self.compiled:
            names = {id(variable): name for name, variable in found.items()}
            for learner, optimizer in self.optimizers.items():
                weights = {names[id(v)]: v for v in self.variables_of(learner)}
                found |= optimizer_state(optimizer, weights, f"optimizer/{learner}")
        return found

    def go_on_from(self, step):
        """Sets the step that comes next, for a model whose weights are of this step."""
        self.step.assign(step)

    @property
    def first_bad_step(self):
        """The first step since `compile`, from 0, whose loss was not finite, or None."""
        bad = int(self._steps_and_bad_step()[1].numpy())
        return None if bad < 0 else bad


def layer_state(layer, prefix, taken=()):
    """All variables of a layer or model, those of its inner layers included, by name.

    Args:
        layer: built Keras layer or model.
        prefix: start of every name, such as `network/student`.
        taken: ids of variables that have a name already, and get no other.

    Returns:
        dict of name to Keras variable: weights, statistics and states of random generators. A
        variable that stands in several places has the name of the first.
    """
    found, seen = {}, set(taken)
    _collect(layer, prefix, found, seen)
    return found


def _collect(layer, prefix, found, seen):
    inner = layer._flatten_layers(include_self=False, recursive=False)
    below = {id(v) for each in inner for v in each.variables}
    for variable in layer.variables:
        if id(variable) not in below | seen:
            seen.add(id(variable))
            _put(found, f"{prefix}/{variable.name}", variable)
    with_state = [each for each in inner if each.variables]
    for name, each in zip(_names(with_state), with_state):
        _collect(each, f"{prefix}/{name}", found, seen)


def _names(layers):
    """Their names, automatic ones numbered by their places among these layers."""
    counts, names = {}, []
    for layer in layers:
        stem = re.sub(r"_\d+$", "", layer.name)
        if stem.replace("_", "") != type(layer).__name__.lower().replace("_", ""):
            names.append(layer.name)
            continue
        count = counts[stem] = counts.get(stem, -1) + 1
        names.append(f"{stem}_{count}" if count else stem)
    return names


def optimizer_state(optimizer, weights, prefix):
    """All variables of an optimizer by name.

    Args:
        optimizer: built Keras optimizer.
        weights: dict of name to Keras variable of the weights that it updates, in its order.
        prefix: start of every name, such as `optimizer/student`.

    Returns:
        dict of name to Keras variable. What belongs to a weight is
        `prefix/momentum/network/student/...`.
    """
    paths = {}  # Keras names such a variable by the path of its weight, which may be there twice
    for name, weight in weights.items():
        paths.setdefault(weight.path.replace("/", "_"), []).append(name)
    found, counts = {}, {}
    for variable in optimizer.variables:
        path, kind = _split(variable.name, paths)
        if path is None:
            _put(found, f"{prefix}/{kind}", variable)
            continue
        count = counts[path, kind] = counts.get((path, kind), -1) + 1
        weight = paths[path][min(count, len(paths[path]) - 1)]
        _put(found, f"{prefix}/{kind}/{weight}", variable)
    return found


def _split(name, paths):
    """A weight's path and what follows it in a name, or None and the whole name."""
    cut = len(name)
    while (cut := name.rfind("_", 0, cut)) > 0:
        if name[:cut] in paths:
            return name[:cut], name[cut + 1 :]
    return None, name


def _put(found, name, variable):
    unique, count = name, 0
    while unique in found:
        count += 1
        unique = f"{name}_{count}"
    found[unique] = variable
