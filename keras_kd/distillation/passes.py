"""One phase at work: which networks run where, and what each method gets to see."""

import keras
import tensorflow as tf

from keras_kd.data.batch import view


class Pass:
    """A phase with the methods that count in it and the networks that these look at.

    Args:
        phase: a `keras_kd.methods.phases.Phase`.
        methods: list of all methods of the model.
        networks: dict of name to `keras_kd.distillation.networks.Network`, all of the model.
        frozen: names of those that nothing trains.

    Raises:
        ValueError: a network that is not there, cannot learn, or cannot pass gradients on.
    """

    def __init__(self, phase, methods, networks, frozen):
        _check(phase, networks, frozen)
        self.phase = phase
        self.networks = networks
        self.methods = [method for method in methods if method.phase == phase.name]
        named = [name for m in self.methods for name in (m.learner, *m.sources)]
        named = list(dict.fromkeys([*phase.learners, *phase.inside, *named]))
        by_methods = [n for n in named if n in networks and not networks[n].on_images]
        self._functions = {
            name: networks[name].function(name in phase.learners, name in self._in_tape)
            for name in by_methods
        }
        self._runs = [n for n in named if n in self._in_tape and n not in by_methods]
        # Sources that run outside the tape, or whose logits come with the batch.
        self.outside = [n for n in named if n not in self._in_tape and n not in by_methods]

    @property
    def _in_tape(self):
        return {*self.phase.learners, *self.phase.inside}

    @property
    def makes_images(self):
        """Whether the maker of the phase's images learns in it."""
        return self.phase.images in self.phase.learners

    def run(self, batch):
        """Runs in the tape all that learns or passes gradients on, each network once.

        Args:
            batch: the batch dict; for a maker of images that learns, with its `noise`.

        Returns:
            (batch, ran): the batch dict with its images, and the outputs dicts of these networks by
            name.
        """
        if self.makes_images:
            image = self.networks[self.phase.images].model(batch["noise"], training=True)
            batch = {"image": image}
        ran = {}
        for name in self._runs:
            network = self.networks[name]
            learns = name in self.phase.learners
            ran[name] = network.learn(batch) if learns else network.answer(batch)
        return batch, ran

    def outputs(self, given, ran):
        """The outputs dict, or the function, of every network of the phase by name."""
        return {**given, **ran, **self._functions}

    def after(self, batch, given, ran, seen):
        """The phase's batch and outputs, once it is over; later phases see them, too.

        Args:
            batch: as for `run`.
            given: dict of outputs by name of the networks that ran outside.
            ran: outputs dicts by name of what ran in the phase, its images under their maker.
            seen: dict of outputs by (maker of the images, network), to which these are added.

        Returns:
            (batch, outputs).
        """
        maker = self.phase.images
        seen.update({(maker, name): outputs for name, outputs in ran.items()})
        return ran.get(maker, batch), self.outputs(given, ran)

    def losses(self, batch, outputs):
        """float32 `[B]` of each method by name."""
        return {m.name: _loss(m, batch, *self.seen_by(m, outputs)) for m in self.methods}

    def seen_by(self, method, outputs):
        """A method's learner and source: what gradients must not reach comes without them."""
        sources = {name: self._source(name, outputs) for name in method.sources}
        single = not isinstance(method.source, tuple)
        return outputs[method.learner], sources.get(method.source, {}) if single else sources

    def _source(self, name, outputs):
        learns = name in self.phase.learners and name not in self.phase.inside
        found = outputs[name]
        if not learns:
            return found
        if callable(found):
            return self.networks[name].function(training=True, passes=False)
        return tf.nest.map_structure(tf.stop_gradient, found)


def _loss(method, batch, student, teacher):
    """The method's loss, one number an example."""
    # Keras takes functions by keyword alone.
    by_name = {"student": student, "teacher": teacher}
    if not any(map(callable, tf.nest.flatten(by_name))):
        loss = method(batch, student, teacher)
    else:
        loss = method(batch, **by_name)
    if len(loss.shape) != 1:
        raise ValueError(
            "A method must return one loss per example, of shape [B]. Received: "
            f"{method.name} returned shape {tuple(loss.shape)}. Take the mean over all axes but "
            "the first; the model takes the mean over the batch."
        )
    return loss


def _check(phase, networks, frozen):
    for role in ("learners", "inside"):
        for name in getattr(phase, role):
            if name not in networks:
                raise ValueError(
                    f"The {role} of phase {phase.name!r} must be networks of this model: "
                    f"{', '.join(networks)}. Received: {name!r}. Give it to KDModel by this name."
                )
    for name in phase.learners:
        if name in frozen:
            raise ValueError(
                f"{name!r} is a source and does not learn. Received: learner={name!r} in phase "
                f"{phase.name!r}. To train it, give it by learners={{{name!r}: model}} instead."
            )
    for name in phase.inside:
        if not isinstance(networks[name].model, keras.Model):
            raise ValueError(
                f"Gradients must pass through {name!r}, which is inside phase {phase.name!r}. "
                f"Received: a {type(networks[name].model).__name__}, which is folded and compiled. "
                "Give the Keras model from which it was made."
            )
    if phase.images and (phase.images not in networks or networks[phase.images].on_images):
        raise ValueError(
            "The images of a phase come from a network that a method brings. Received: "
            f"images={phase.images!r} in phase {phase.name!r}."
        )


def examples_in(batch):
    """Number of examples of a batch dict, a scalar tensor; a batch may hold ids alone."""
    known = "student" in batch or "image" in batch
    return tf.shape(view(batch, "student") if known else tf.nest.flatten(batch)[0])[0]
