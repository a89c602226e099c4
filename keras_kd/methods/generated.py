"""What the data-free methods share: a generator makes the images, and learns what to make."""

from keras import ops

from keras_kd.methods.arguments import integer
from keras_kd.methods.base import Method
from keras_kd.methods.image_memory import MEMORY, ImageMemory
from keras_kd.methods.phases import MAIN, Phase
from keras_kd.models.generator import generator

GENERATOR = "generator"


def one_hotness(logits):
    """Cross-entropy with the class that the logits prefer: 0 where they leave no doubt.

    Args:
        logits: float32 `[B, K]`.

    Returns:
        float32 `[B]`.
    """
    return ops.logsumexp(logits, axis=-1) - ops.max(logits, axis=-1)


def whole_batch(value, like):
    """One number of a batch as that of each of its examples.

    Args:
        value: scalar.
        like: tensor `[B, ...]`.

    Returns:
        `[B]`.
    """
    return ops.broadcast_to(value, ops.shape(like)[:1])


class GeneratorMethod(Method):
    """Base of the losses of a generator that makes the student's images; it brings it.

    In each step the generator makes images of noise and learns from them, with the teacher in the
    gradient; then the student learns from the same images, by methods of its own, or from a memory
    of those of the steps before.

    Args:
        noise: numbers that an image is made of.
        width: channels of the generator's last inner map, see `keras_kd.models.generator`.
        steps: how often the generator learns in a training step, on one draw of noise.
        student_steps: how often the student learns then, on the images of that draw.
        memory: how many images are remembered, the last that each step's generator came to; the
            student's are drawn among them, two bytes a number, on every replica and in every
            checkpoint. 0: the student sees those of the step.
        **kwargs: as for `Method`, but for the networks and taps, which are given.

    Raises:
        ValueError: counts below 1; a student and a teacher whose images are not of one size.
    """

    phase = GENERATOR
    needs_raw_logits = False

    def __init__(
        self, noise=100, width=64, steps=1, student_steps=1, memory=0, source="teacher", **kwargs
    ):
        super().__init__(learner=GENERATOR, source=source, **kwargs)
        self.noise, self.width, self.steps = integer(noise=noise, width=width, steps=steps)
        self.student_steps = integer(student_steps=student_steps)
        self.memory, self._remembered = integer(0, memory=memory), None

    def networks(self, given):
        shapes = {name: tuple(given[name].input_shape[1:]) for name in ("student", "teacher")}
        if shapes["student"] != shapes["teacher"]:
            raise ValueError(
                f"{type(self).__name__} makes images that student and teacher both see, so they "
                f"must take one size. Received: {shapes['student']} of the student, "
                f"{shapes['teacher']} of the teacher. Give both one resolution."
            )
        found = {GENERATOR: generator(shapes["student"], self.noise, self.width)}
        if self.memory:
            self._remembered = ImageMemory(self.memory, shapes["student"])
            found[MEMORY] = self._remembered.network()
        return found

    def phases(self):
        inside = self.sources
        return [
            Phase(GENERATOR, inside=inside, images=GENERATOR, repeats=self.steps),
            Phase(MAIN, images=MEMORY if self.memory else GENERATOR, repeats=self.student_steps),
        ]

    def before_step(self, batch):
        if self.memory:
            self._remembered.begin_step()
        return batch

    def after_step(self, batch, student, teacher):
        if self.memory:
            self._remembered.write(batch["image"])

    def get_config(self):
        config = super().get_config()
        for given in ("student_taps", "teacher_taps", "learner", "source"):
            config.pop(given)
        names = ("noise", "width", "steps", "student_steps", "memory")
        return {**config, **{name: getattr(self, name) for name in names}}
