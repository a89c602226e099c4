"""The base class of every distillation method: what is matched between teacher and student."""

import re

import keras


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
        name: the key in the training logs. Default: the class name in snake case.

    Raises:
        ValueError: taps that do not pair up, or an impossible weight.
    """

    def __init__(self, student_taps=(), teacher_taps=(), weight=1.0, name=None):
        super().__init__(name=name or snake_case(type(self).__name__), dtype="float32")
        self.student_taps = _names("student_taps", student_taps)
        self.teacher_taps = _names("teacher_taps", teacher_taps)
        if len(self.student_taps) != len(self.teacher_taps):
            raise ValueError(
                "student_taps and teacher_taps are matched in pairs, so there must be as many of "
                f"each. Received: student_taps={list(self.student_taps)}, "
                f"teacher_taps={list(self.teacher_taps)}."
            )
        weight = float(weight)
        if not 0.0 <= weight < float("inf"):
            raise ValueError(
                f"weight must be a finite number of at least 0. Received: weight={weight}."
            )
        self.weight = weight

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
        }


def _names(argument, taps):
    if isinstance(taps, str) or not all(isinstance(tap, str) for tap in taps):
        raise ValueError(
            f"{argument} must be a list of layer names. Received: {argument}={taps!r}."
        )
    return tuple(taps)
