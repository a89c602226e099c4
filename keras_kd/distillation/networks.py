"""Named networks: how each becomes a function from images to an outputs dict."""

import functools

import tensorflow as tf

from keras_kd.data.batch import view
from keras_kd.distillation.first_answer import first_answer
from keras_kd.methods.base import Method
from keras_kd.models.output import outputs_of
from keras_kd.models.taps import with_taps

WITH_BATCH = "teacher"  # the source that may be missing: its logits then come with the batches


class Network:
    """A network under its name. No Keras object, so that Keras does not track what is in it.

    Args:
        name: its name in the model.
        model: Keras model, a `keras_kd.teachers` object, or any function of images and `training`.
            Where it has a method `outputs_at(images, seed, labels)`, that is called instead while a
            step is trained: seed is int64 `[2]`, the same on all replicas, another one at every
            step; labels are the batch's, or None.
        taps: names of the layers whose outputs are needed.
        sees: whose view of the batch it takes.
        instead: whose it takes where the batch has none for it.
        on_images: whether it runs on the images of the batch; if not, methods call it.
    """

    def __init__(self, name, model, taps=(), sees=None, on_images=True, instead=""):
        self.name = name
        self.model = model
        self.taps = tuple(dict.fromkeys(taps))
        self.sees = sees or name
        self.on_images = on_images
        self.instead = instead
        self._first = None  # its outputs, once they were asked for
        self._tapped = with_taps(model, self.taps) if self.taps else model

    def learn(self, batch):
        """The outputs dict in training mode."""
        return outputs_of(self._tapped(self._images(batch), training=True))

    def _images(self, batch):
        return view(batch, self.sees, self.instead)

    def answer(self, batch, key=None):
        """The outputs dict in inference mode.

        Args:
            batch: the batch dict.
            key: function that gives the step's seed; None: the network answers at rest.
        """
        images = self._images(batch)
        if key is not None and hasattr(self._tapped, "outputs_at"):
            return outputs_of(self._tapped.outputs_at(images, key(), batch.get("labels")))
        return outputs_of(self._tapped(images, training=False))

    def function(self, training, passes):
        """The network as a function for methods to call.

        Args:
            training: whether in training mode.
            passes: whether gradients pass through it.
        """
        run = functools.partial(self.model, training=training)
        return run if passes else lambda *inputs: tf.stop_gradient(run(*inputs))

    def shapes(self, taps, images):
        """Shapes of the outputs dict by name, without running it; empty where methods run it."""
        if not self.on_images:
            return {}
        if taps:
            outputs = with_taps(self.model, taps).output
        elif self._first is None:
            outputs = self._first = first_answer(self.name, self.model, images)
        else:
            outputs = self._first
        return {name: tuple(tensor.shape) for name, tensor in outputs_of(outputs).items()}


def named_networks(learners, frozen, followers, methods):
    """All networks of a model by name.

    Args:
        learners: dict of the Keras models that learn from images.
        frozen: dict of the sources that do not learn.
        followers: list of `keras_kd.distillation.followers.Follower`.
        methods: list of `keras_kd.methods.Method`, which may bring more.

    Returns:
        dict of name to `Network`: the learners, what methods bring, the sources, the followers.

    Raises:
        ValueError: a name that is there twice.
    """
    found = {}

    def add(name, model, sees=None, on_images=True, instead=""):
        if not name.isidentifier():
            raise ValueError(f"A network's name must be a word. Received: {name!r}.")
        if name in found:
            raise ValueError(
                f"Every network needs a name of its own. Received: {name!r} twice. Rename one."
            )
        taps = [tap for method in methods for tap in tapped_by(method, name)]
        found[name] = Network(name, model, taps, sees, on_images, instead)

    for name, model in learners.items():
        add(name, model, instead="student")
    given = {**learners, **frozen}
    for method in methods:
        for name, model in method.networks(dict(given)).items():
            add(name, model, on_images=False)
    for name, model in frozen.items():
        add(name, model)
    for follower in followers:
        if follower.network is not None:
            add(follower.name, follower.network, instead=follower.follows)
    return found


def weightless(networks):
    """Names of the networks that methods brought and that have nothing to learn, a set."""
    return {name for name, one in networks.items() if not one.on_images and not one.model.weights}


def tapped_by(method, name):
    """The taps that a method needs of the network of this name."""
    learned = method.student_taps if method.learner == name else ()
    return (*learned, *(method.taps_of_source(name) if name in method.sources else ()))


def all_methods(methods, first=(), learners=()):
    """The methods as a list, those that they bring included, with names of their own.

    Args:
        methods: a `Method`, a list of them, or None.
        first: list of methods that come last but keep their names.
        learners: names of the learners, whose losses have names in the logs, too.

    Raises:
        ValueError: something else than a method.
    """
    if isinstance(methods, Method | str):
        methods = [methods]
    methods = list(methods or ())
    for method in methods:
        if not isinstance(method, Method):
            raise ValueError(
                "methods must be keras_kd.methods.Method objects. "
                f"Received: methods={methods!r}. Make them with keras_kd.methods.get(name, ...)."
            )
        methods += method.companions()
    taken = {"loss", "kl", "agreement", *(method.name for method in first)}
    taken |= {f"{name}_loss" for name in learners}
    for method in methods:
        name, count = method.name, 1
        while method.name in taken:
            count += 1
            method.name = f"{name}_{count}"
        taken.add(method.name)
    return [*methods, *first]


def build_methods(methods, networks):
    """Builds every method from symbolic shapes: layers built in a step would come too late.

    Args:
        methods: list of `keras_kd.methods.Method`.
        networks: dict of name to `Network`.

    Raises:
        ValueError: a method that is in use already, or one of a network that is not there.
    """
    for method in methods:
        if method.built:
            raise ValueError(
                "A method object belongs to one KDModel, since it may hold weights. Received: "
                f"{method.name}, which is in use already. Make a new one."
            )
        images = _images_of(method, networks)
        student = _network(method, "learner", method.learner, networks).shapes(
            method.student_taps, images
        )
        several = isinstance(method.source, tuple)
        teacher = {
            name: _source_shapes(method, name, networks, images, student)
            for name in method.sources
        }  # fmt: skip
        if not several:
            teacher = teacher.get(method.source, student)
        method.build({"image": images}, student, teacher)


def _images_of(method, networks):
    """Shape of the images that a method's networks see: its learner's, else the first one's."""
    names = [method.learner, *method.sources, *networks]
    return next(
        networks[name].model.input_shape
        for name in names
        if name in networks and networks[name].on_images
    )


def _source_shapes(method, name, networks, images, student):
    if name not in networks and name == WITH_BATCH:
        if method.taps_of_source(name):
            raise ValueError(
                f"{method.name} taps the teacher's layers, so it needs the teacher itself. "
                f"Received: teacher=None, teacher_taps={list(method.teacher_taps)}."
            )
        return student
    taps = method.taps_of_source(name)
    return _network(method, "source", name, networks).shapes(taps, images)


def _network(method, role, name, networks):
    if name not in networks:
        raise ValueError(
            f"The {role} of {method.name} must be a network of this model: {', '.join(networks)}. "
            f"Received: {role}={name!r}. Give it to KDModel by this name."
        )
    return networks[name]
