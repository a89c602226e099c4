"""Teachers weighted example by example by how sure they are: no labels needed."""

import keras
from keras import ops

from keras_kd.teachers.combine.base import (
    Combination,
    check_temperature,
    log_mean_probability,
    stacked,
    unweighted,
)

TINY = 1e-12  # nats: teachers that are all as sure as that are weighted alike


def certainty(logits):
    """Weights of teachers by entropy, w_m = (1 - H_m / sum_j H_j) / (M - 1).

    Args:
        logits: float32 `[M, B, K]`.

    Returns:
        float32 `[M, B]`, which sum to 1 over the teachers; 1 for one teacher.
    """
    count = logits.shape[0]
    if count == 1:
        return ops.ones_like(logits[..., 0])
    log_p = ops.log_softmax(logits, axis=-1)
    entropy = -ops.sum(ops.exp(log_p) * log_p, axis=-1)
    share = (entropy + TINY) / (ops.sum(entropy, axis=0, keepdims=True) + count * TINY)
    return (1 - share) / (count - 1)


@keras.saving.register_keras_serializable(package="keras_kd")
class Certainty(Combination):
    """Logits of several teachers to the log of their mean probability, weighted by certainty.

    The weight of a teacher for an example is (1 - H / sum of all H) / (M - 1), H the entropy of its
    softmax: who is sure of this image counts for more.

    Paper: Kwon et al. 2020, "Adaptive Knowledge Distillation Based on Entropy" (no arXiv number),
    in the form of Zhang et al. 2022, arXiv 2201.00007, where it is called EBKD.

    Args:
        weights: equal shares; their number is that of the teachers.
        temperature: T at which probabilities are averaged: the student's.
    """

    normalized = True

    def __init__(self, weights, temperature=1.0, **kwargs):
        super().__init__(weights, **kwargs)
        self.temperature = check_temperature(temperature)

    @classmethod
    def of(cls, count, known=None, num_classes=None, weights=None, **kwargs):
        unweighted(weights, count, "entropy")
        return super().of(count, known, num_classes, **kwargs)

    def call(self, logits):
        logits = stacked(logits)
        weights = ops.maximum(certainty(logits), keras.config.epsilon() ** 2)
        return log_mean_probability(logits, ops.log(weights), self.temperature)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
