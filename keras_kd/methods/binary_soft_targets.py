"""Binary soft targets: of each class for itself, the teacher's softened probability."""

import keras
from keras import ops

from keras_kd.data.labels import MULTI_HOT
from keras_kd.methods.arguments import positive
from keras_kd.methods.logits import LogitMethod


def softened_bernoulli_kl(teacher_logits, student_logits, temperature):
    """T^2 * KL(sigmoid(teacher / T) || sigmoid(student / T)), summed over the classes.

    Args:
        teacher_logits: float32 `[B, K]`.
        student_logits: float32 `[B, K]`.
        temperature: T > 0.

    Returns:
        float32 `[B]`, at least 0 up to rounding. Finite for any finite logits: everything stays
        in log space.
    """
    t, s = teacher_logits / temperature, student_logits / temperature
    here = ops.sigmoid(t) * (ops.log_sigmoid(t) - ops.log_sigmoid(s))
    away = ops.sigmoid(-t) * (ops.log_sigmoid(-t) - ops.log_sigmoid(-s))
    # T^2 as for the softmax: the gradient of each class is T * (q - p), about (s - t) / 4.
    return temperature**2 * ops.sum(here + away, axis=-1)


@keras.saving.register_keras_serializable(package="keras_kd")
class BinarySoftTargets(LogitMethod):
    """Matches the teacher's probability of each class for itself: several may hold at once.

    The divergences of the classes are summed, as in the paper's equation and its authors' code
    (the mean over the batch of sums over the classes): classes that both models agree on cost
    nothing, so that their number does not thin out the others. Divide the weight by K for a mean.
    The paper's temperature is 1; T^2 keeps the size of the gradients, as in `SoftTargets`. Of one
    class, or of one logit, both methods are the same.

    Knowledge: response. Needs: nothing but logits of as many classes; no labels.
    Paper: Yang et al. 2023 (the logits' part of L2D), arXiv 2308.06453.

    Args:
        temperature: T > 0; divides both models' logits. The loss carries the factor T^2.
        **kwargs: as for `Method`. In the paper the weight is 10 beside the labels'.

    Raises:
        ValueError: a temperature that is not positive, or class counts that differ.
    """

    label_kind = MULTI_HOT

    def __init__(self, temperature=1.0, **kwargs):
        super().__init__(**kwargs)
        self.temperature = positive(temperature=temperature)

    @property
    def needs_raw_logits(self):
        """As of any method; standardised logits are the same whatever was added to all."""
        return not self.standardize  # a sigmoid knows no constant that a softmax would take out

    def call(self, batch, student, teacher):
        pairs = self.logit_pairs(student, teacher)
        return sum(softened_bernoulli_kl(t, s, self.temperature) for s, t in pairs)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
