"""The base class of every distillation method: what is matched between teacher and student."""

import re

import keras
from keras import ops

from keras_kd.methods.arguments import not_negative, whole


def snake_case(name):
    """`SoftTargets` -> `soft_targets`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Method(keras.layers.Layer):
    """Compares what the student and the teacher made of the same examples.

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
        name: the key in the training logs. Default: the class name in snake case.

    Raises:
        ValueError: taps that do not pair up, an impossible weight or warm-up.
    """

    needs_teacher = True  # False: learns without the outputs of any teacher
    needs_labels = False  # True: batches must carry labels
    needs_id = False  # True: batches must carry `id`, the index of each example in the data

    def __init__(self, student_taps=(), teacher_taps=(), weight=1.0, warmup_steps=0, name=None):
        super().__init__(name=name or snake_case(type(self).__name__), dtype="float32")
        self.student_taps = _names("student_taps", student_taps)
        self.teacher_taps = _names("teacher_taps", teacher_taps)
        if len(self.student_taps) != len(self.teacher_taps):
            raise ValueError(
                "student_taps and teacher_taps are matched in pairs, so there must be as many of "
                f"each. Received: student_taps={list(self.student_taps)}, "
                f"teacher_taps={list(self.teacher_taps)}."
            )
        self.weight = not_negative(weight=weight)
        self.warmup_steps = whole(0, warmup_steps=warmup_steps)

    @property
    def needs_raw_logits(self):
        """Whether a constant added to an example's teacher logits would change the loss.

        Then log-probabilities, as a top-k teacher cache gives them, cannot stand for the logits.
        """
        return self.needs_teacher and not self.teacher_taps

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
                float `[B, K]`), `id` `[B]`, `sample_weight` `[B]`.
            student: dict with `logits` `[B, K]` and the student's taps by name.
            teacher: dict with `logits` `[B, K]` and the teacher's taps by name.

        Returns:
            float32 `[B]`, one loss per example. The model takes the mean over the global batch.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement call().")

    def weight_at(self, step):
        """This method's factor at a step: a pure function of it, so nothing has to be saved.

        Args:
            step: int or integer scalar tensor, from 0.

        Returns:
            `weight`; with a warm-up a float32 scalar tensor, `weight` times the lesser of 1 and
            (step + 1) / warmup_steps.
        """
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
            "warmup_steps": self.warmup_steps,
        }


def _names(argument, taps):
    if not isinstance(taps, list | tuple) or not all(isinstance(tap, str) for tap in taps):
        raise ValueError(
            f"{argument} must be a list of layer names. Received: {argument}={taps!r}."
        )
    return tuple(taps)
