"""The base class of every distillation method: what is matched between teacher and student."""

import re

import keras
from keras import ops

from keras_kd.methods.arguments import integer, not_negative
from keras_kd.methods.phases import MAIN
from keras_kd.utils.lengths import steps


def snake_case(name):
    """`SoftTargets` -> `soft_targets`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Method(keras.layers.Layer):
    """Compares what a learner and its source made of the same examples: student and teacher.

    Below, "student" is the network that learns and "teacher" the one that it follows, whatever
    their names: with `learner="peer", source="student"` the peer learns from the student.

    A subclass writes `call` and, where it has weights of its own (projections, critics, memory
    banks), `build`. Those weights are trained or updated with the student, saved in its
    checkpoints, and left behind at export. All maths runs in float32, whatever the models use.

    Args:
        student_taps: layer names of the student to match, in pairs with `teacher_taps`. A layer
            of a nested model is `outer/inner`, or just `inner` where that is unique. With no
            taps the logits are matched.
        teacher_taps: layer names of the teacher, as many.
        weight: factor of this method in the total loss; finite and at least 0.
        warmup_steps: number of steps over which the weight rises linearly from 0, at least 0.
        warmup: the same as a length of `keras_kd.utils.lengths.steps`, such as "8 percent", for
            configs: where methods are made from one, `set_stage` turns it into steps.
        name: the key in the training logs. Default: the class name in snake case.
        learner: name of the network that the loss moves, and with it the method's own weights.
        source: name of the network that is followed; it may be a learner, whose outputs then come
            without gradient. Where a method takes several, a tuple of names: `teacher` is then a
            dict of outputs by name, and `teacher_taps` are taps of each.

    Raises:
        ValueError: taps that do not pair up, an impossible weight or warm-up, or two warm-ups,
            or several sources for a method that takes one.
    """

    scheme = "offline"  # who teaches, by the survey's map: a key of `TOLD` in `__main__`
    needs_teacher = True  # False: learns without the outputs of any teacher
    needs_labels = False  # True: batches must carry labels
    label_kind = None  # what labels mean to it, of `keras_kd.data.labels`; None: whatever they do
    needs_id = False  # True: batches must carry `id`, the index of each example in the data
    needs_step = False  # True: the batch carries `step`, the step from 0
    needs_whole_images = False  # True: it cannot learn from images that are mixed
    uses_unlabelled = False  # True: labels may be -1, unknown, in a part of a batch
    several_sources = False  # True: `source` may be a tuple
    some_classes = False  # True: its teacher may know only some of the classes
    phase = MAIN  # name of the phase in which the loss counts

    def __init__(
        self,
        student_taps=(),
        teacher_taps=(),
        weight=1.0,
        warmup_steps=0,
        warmup="",
        name=None,
        learner="student",
        source="teacher",
    ):
        super().__init__(name=name or snake_case(type(self).__name__), dtype="float32")
        self.student_taps = _names("student_taps", student_taps)
        self.teacher_taps = _names("teacher_taps", teacher_taps)
        if self.needs_teacher and len(self.student_taps) != len(self.teacher_taps):
            raise ValueError(
                "student_taps and teacher_taps are matched in pairs, so there must be as many of "
                f"each. Received: student_taps={list(self.student_taps)}, "
                f"teacher_taps={list(self.teacher_taps)}."
            )
        self.learner = _network_name("learner", learner)
        several = isinstance(source, list | tuple)
        if several and not self.several_sources:
            raise ValueError(
                f"{type(self).__name__} follows one source. Received: source={source!r}. Use one "
                "method for each source."
            )
        names = tuple(_network_name("source", each) for each in (source if several else [source]))
        self.source = names if several else source
        self.weight = not_negative(weight=weight)
        self.warmup = _length(warmup, warmup_steps)
        self.warmup_steps = None if self.warmup else integer(0, warmup_steps=warmup_steps)

    @property
    def sources(self):
        """Names of the networks that are followed, a tuple; empty where no teacher is needed."""
        if not self.needs_teacher:
            return ()
        return self.source if isinstance(self.source, tuple) else (self.source,)

    def taps_of_source(self, name):
        """Names of the layers that are tapped of one of `sources`: by default `teacher_taps`."""
        return self.teacher_taps

    @property
    def needs_raw_logits(self):
        """Whether a constant added to an example's teacher logits would change the loss.

        Then log-probabilities, as a top-k teacher cache gives them, cannot stand for the logits.
        """
        return self.needs_teacher and not self.teacher_taps

    @property
    def reaches_classifier(self):
        """Whether the loss moves the student's logits, and not only what lies before them.

        Logits that are a mean are moved by way of each part, as `logits_class` is one.
        """
        last = [tap.split("/")[-1] for tap in self.student_taps]
        return not last or any(tap.startswith("logits") for tap in last)

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        """Makes the method's weights.

        Args:
            batch_shape: dict of shapes with `image` and what else a batch may hold.
            student_shape: dict of the shapes of the student's `logits` and taps.
            teacher_shape: dict of the shapes of the teacher's `logits` and taps.
        """
        self.built = True

    def call(self, batch, student, teacher):
        """Gives the loss of each example.

        Args:
            batch: dict with `image` `[B, H, W, C]` and, where they exist, `labels` (int `[B]` or
                float `[B, K]`), `id` `[B]`, `sample_weight` `[B]`, and for a method that needs
                it `step`, an int64 scalar.
            student: dict with `logits` `[B, K]` and the student's taps by name.
            teacher: dict with `logits` `[B, K]` and the teacher's taps by name; of several
                sources a dict of such dicts; empty where no teacher is needed. In place of the
                outputs of a network that a method brought (see `networks`) stands the network
                itself, as a function; so name these arguments `student` and `teacher`.

        Returns:
            float32 `[B]`, one loss per example. The model takes the mean over the global batch.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement call().")

    def set_stage(self, total, batch_size, num_examples):
        """Hook where methods are made from a config: the length of their stage is known.

        Args:
            total: steps of the stage.
            batch_size: examples a step, over all replicas.
            num_examples: training examples an epoch.

        Raises:
            ValueError: a warm-up that is longer than the stage.
        """
        if self.warmup:
            units = {"batch_size": batch_size, "num_examples": num_examples}
            self.warmup_steps = steps(self.warmup, **units, total=total)
        if self.warmup_steps > total:
            raise ValueError(
                f"The warm-up of {self.name} must not be longer than its stage of {total:,} steps: "
                f"it would never weigh in full. Received: {self._warmup()}, which is "
                f"{self.warmup_steps:,} steps. Give a share, such as warmup='8 percent'."
            )

    def _warmup(self):
        key = "warmup" if self.warmup else "warmup_steps"
        return f"{key}={getattr(self, key)!r}"

    def weight_at(self, step):
        """This method's factor at a step: a pure function of it, so nothing has to be saved.

        Args:
            step: int or integer scalar tensor, from 0.

        Returns:
            `weight`; with a warm-up a float32 scalar tensor, `weight` times the lesser of 1 and
            (step + 1) / warmup_steps.

        Raises:
            ValueError: a `warmup` whose stage is not known.
        """
        if self.warmup_steps is None:
            raise ValueError(
                f"{self.name} must know its stage to warm up. Received: warmup={self.warmup!r}. "
                "Give warmup_steps, or call method.set_stage(total, batch_size, num_examples)."
            )
        if not self.warmup_steps:
            return self.weight
        share = (ops.cast(step, "float32") + 1.0) / self.warmup_steps
        return self.weight * ops.minimum(share, 1.0)

    def prepare_student(self, student, teacher):
        """Hook before training: the student to train, by default the one given.

        Args:
            student: Keras model that gives logits.
            teacher: Keras model that gives logits, or None.

        Returns:
            a Keras model (a method that gives the student another head makes a new one).
        """
        return student

    def networks(self, given):
        """Hook before training: learners that the method brings, such as critics and generators.

        They are run by methods, on what these choose, and not on the images of the batch: a method
        gets the network as a function that has the right mode. One that a phase names as its
        `images` is run on noise.

        Args:
            given: dict of the model's networks by name; not to be changed.

        Returns:
            dict of new names to Keras models.
        """
        return {}

    def companions(self):
        """Hook before training: a list of further methods that this one brings, such as the
        critic's own loss."""
        return []

    def averages(self):
        """Hook before training: averages of learners' weights that the method follows: dict of
        name to arguments of `keras_kd.distillation.averaging.Average`."""
        return {}

    def own_views(self):
        """Names of those of its networks that are to see the student's images in draws of their
        own, where the data can give them; they see the student's where the data do not."""
        return ()

    def evaluated(self, networks):
        """Hook after training: further networks whose accuracy is told, though they do not leave.

        Args:
            networks: dict of the model's networks by name, as Keras models.

        Returns:
            dict of name to Keras model that gives logits.
        """
        return {}

    def with_exits(self, student):
        """Hook after training: the student with early answers that are to leave beside it.

        Args:
            student: the trained Keras model that gives logits.

        Returns:
            a Keras model from images to a dict of logits `[B, K]`, `logits` the student's own and
            others by the names of their exits; None where none are to leave.
        """
        return None

    def phases(self):
        """Hook before training: a list of `keras_kd.methods.phases.Phase` that the method needs."""
        return []

    def check_examples(self, ids):
        """Hook before training: refuses examples that the method could not use.

        Args:
            ids: int64 array `[N]`, the `id` of every training example.

        Raises:
            ValueError: what is wrong, and what to do.
        """

    def before_step(self, batch):
        """Hook before both models run; returns the batch they see (generators act here)."""
        return batch

    def after_step(self, batch, student, teacher):
        """Hook after the update of the student (critics and moving averages learn here)."""

    def pairs(self, student, teacher):
        """The matched (student, teacher) entries of two outputs dicts: taps, or the logits."""
        if not self.student_taps:
            return [(student["logits"], teacher["logits"])]
        return [(student[s], teacher[t]) for s, t in zip(self.student_taps, self.teacher_taps)]

    def get_config(self):
        config = super().get_config()
        config.pop("dtype", None)  # always float32
        config.pop("trainable", None)
        return {
            **config,
            "student_taps": list(self.student_taps),
            "teacher_taps": list(self.teacher_taps),
            "weight": self.weight,
            "warmup_steps": 0 if self.warmup else self.warmup_steps,
            "warmup": self.warmup,
            "learner": self.learner,
            "source": self.source,
        }


def _names(argument, taps):
    if not isinstance(taps, list | tuple) or not all(isinstance(tap, str) for tap in taps):
        raise ValueError(
            f"{argument} must be a list of layer names. Received: {argument}={taps!r}."
        )
    return tuple(taps)


def _network_name(argument, name):
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(
            f"{argument} must be the name of a network, such as 'student' or 'teacher'. "
            f"Received: {argument}={name!r}."
        )
    return name


def _length(warmup, warmup_steps):
    """A warm-up in words as a str, empty for none; checked, but for the stage's length."""
    if not warmup:
        return ""
    if warmup_steps:
        raise ValueError(
            "Only one of warmup and warmup_steps may be given. "
            f"Received: warmup={warmup!r}, warmup_steps={warmup_steps!r}."
        )
    try:
        steps(warmup, batch_size=1, num_examples=1000, total=1000)
    except ValueError as error:
        raise ValueError(f"warmup: {error}") from error
    return str(warmup)
