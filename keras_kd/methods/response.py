"""Soft targets: the student matches the teacher's softened class probabilities."""

import keras
from keras import ops

from keras_kd.methods.arguments import positive
from keras_kd.methods.logits import LogitMethod


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
class SoftTargets(LogitMethod):
    """Matches the teacher's class probabilities, softened by a temperature.

    Under the view mode `mix` this is function matching (Beyer et al. 2021, arXiv 2106.05237).

    Knowledge: response. Needs: nothing but logits of as many classes; no labels.
    Paper: Hinton, Vinyals, Dean 2015, arXiv 1503.02531.

    Args:
        temperature: T > 0; divides both models' logits. The loss carries the factor T^2.
        **kwargs: as for `LogitMethod` (`standardize`) and `Method`.

    Raises:
        ValueError: a temperature that is not positive, or class counts that differ.
    """

    def __init__(self, temperature=1.0, **kwargs):
        super().__init__(**kwargs)
        self.temperature = positive(temperature=temperature)

    def call(self, batch, student, teacher):
        pairs = self.logit_pairs(student, teacher)
        return sum(softened_kl(t, s, self.temperature) for s, t in pairs)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
