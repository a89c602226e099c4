"""Decoupled distillation: soft targets in two parts, the label's class and all others."""

import keras
from keras import ops

from keras_kd.methods.arguments import not_negative, positive
from keras_kd.methods.logits import LogitMethod, class_indices

AWAY = -1e9  # added to a logit, takes its class out of a softmax


def decoupled_kl(teacher_logits, student_logits, labels, temperature):
    """The two parts of the softened KL divergence, each with the factor T^2.

    With p_c the teacher's probability of the label's class, T^2 * KL is the first plus (1 - p_c)
    times the second.

    Args:
        teacher_logits: float32 `[B, K]`.
        student_logits: float32 `[B, K]`.
        labels: int `[B]`.
        temperature: T > 0.

    Returns:
        (target, non_target): float32 `[B]` each. The KL divergence of the two-way choice "the
        label or not", and that of the other classes among themselves.
    """
    mask = ops.one_hot(labels, student_logits.shape[-1], dtype="float32")

    def parts(logits):
        log_p = ops.log_softmax(logits / temperature, axis=-1)
        label = ops.sum(log_p * mask, axis=-1)
        rest = ops.logsumexp(log_p + AWAY * mask, axis=-1)
        others = ops.log_softmax(logits / temperature + AWAY * mask, axis=-1)
        return ops.stack([label, rest], axis=-1), others

    (log_p, log_p_others), (log_q, log_q_others) = parts(teacher_logits), parts(student_logits)
    target = _kl(log_p, log_q, 1.0)
    non_target = _kl(log_p_others, log_q_others, 1.0 - mask)
    return temperature**2 * target, temperature**2 * non_target


def _kl(log_p, log_q, mask):
    p, q = ops.exp(log_p), ops.exp(log_q)
    # The sums of p and q are 1; their difference takes away what rounding added to all of a
    # softmax's logarithms, which large factors would show where both are nearly equal.
    return ops.sum(p * (log_p - log_q) * mask + (q - p), axis=-1)


@keras.saving.register_keras_serializable(package="keras_kd")
class DKD(LogitMethod):
    """Soft targets with the probability of the label's class and the others weighed apart.

    alpha * target + beta * non_target, see `decoupled_kl`: plain soft targets tie beta to
    1 - p_c, and so silence the other classes just where the teacher is sure.

    Knowledge: response. Needs: labels; of mixed labels the heaviest counts.
    Paper: Zhao et al. 2022, arXiv 2203.08679.

    Args:
        alpha: factor of the label's part, at least 0; the paper's value is 1.
        beta: factor of the others' part, at least 0; the values of the paper's code are 2 to 8 on
            CIFAR-100 (8 its default), 0.5 and 2 on ImageNet.
        temperature: T > 0; the paper's value is 4 on CIFAR-100, 1 on ImageNet.
        **kwargs: as for `LogitMethod` (`standardize`) and `Method`. The paper warms the weight up
            over the first 20 of 240 epochs (`warmup_steps`) beside a label loss of weight 1.

    Raises:
        ValueError: a bad factor or temperature, class counts that differ, or missing labels.
    """

    needs_labels = True

    def __init__(self, alpha=1.0, beta=8.0, temperature=4.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha, self.beta = not_negative(alpha=alpha, beta=beta)
        self.temperature = positive(temperature=temperature)

    def call(self, batch, student, teacher):
        labels = class_indices(self, batch)
        loss = 0.0
        for s, t in self.logit_pairs(student, teacher):
            target, non_target = decoupled_kl(t, s, labels, self.temperature)
            loss += self.alpha * target + self.beta * non_target
        return loss

    def get_config(self):
        own = {"alpha": self.alpha, "beta": self.beta, "temperature": self.temperature}
        return {**super().get_config(), **own}
