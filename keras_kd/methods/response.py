"""Soft targets: the student matches the teacher's softened class probabilities."""

import keras
from keras import ops

from keras_kd.methods.base import Method


def softened_kl(teacher_logits, student_logits, temperature):
    """T^2 * KL(softmax(teacher / T) || softmax(student / T)) of each example.

    Args:
        teacher_logits: float32 `[B, K]`.
        student_logits: float32 `[B, K]`.
        temperature: T > 0.

    Returns:
        float32 `[B]`, at least 0 up to rounding. Finite for any finite logits: everything stays
        in log space.
    """
    log_p = ops.log_softmax(teacher_logits / temperature, axis=-1)
    log_q = ops.log_softmax(student_logits / temperature, axis=-1)
    # T^2 keeps the size of the gradient when T changes (Hinton et al. 2015, section 2.1).
    return temperature**2 * ops.sum(ops.exp(log_p) * (log_p - log_q), axis=-1)


@keras.saving.register_keras_serializable(package="keras_kd")
class SoftTargets(Method):
    """Matches the teacher's class probabilities, softened by a temperature.

    Under the view mode `mix` this is function matching (Beyer et al. 2021, arXiv 2106.05237).

    Knowledge: response. Needs: nothing but logits of as many classes; no labels.
    Paper: Hinton, Vinyals, Dean 2015, arXiv 1503.02531.

    Args:
        temperature: T > 0; divides both models' logits. The loss carries the factor T^2.
        **kwargs: as for `Method`. With taps, these are read as logits of auxiliary heads.

    Raises:
        ValueError: a temperature that is not positive, or class counts that differ.
    """

    def __init__(self, temperature=1.0, **kwargs):
        super().__init__(**kwargs)
        temperature = float(temperature)
        if not 0.0 < temperature < float("inf"):
            raise ValueError(
                f"temperature must be a finite number above 0. Received: temperature={temperature}."
            )
        self.temperature = temperature

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        for student, teacher in self.pairs(student_shape, teacher_shape):
            if len(student) != 2 or tuple(student[1:]) != tuple(teacher[1:]):
                raise ValueError(
                    "Soft targets compare class by class: teacher and student must give logits "
                    f"[B, K] of the same K classes. Received: student={tuple(student)}, "
                    f"teacher={tuple(teacher)}. Fine-tune the teacher on the student's classes, "
                    "or match features instead (Hint, RelationalKD)."
                )
        self.built = True

    def call(self, batch, student, teacher):
        return sum(softened_kl(t, s, self.temperature) for s, t in self.pairs(student, teacher))

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
