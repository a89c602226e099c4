"""Teachers weighted example by example by how right they are, which the label tells."""

import keras
import numpy as np
from keras import ops

from keras_kd.models.output import two_classes
from keras_kd.teachers.combine.base import (
    Combination,
    check_temperature,
    log_mean_probability,
    stacked,
    unweighted,
)


def confidence(logits, labels):
    """Weights of teachers by their loss on the label, w_m = (1 - softmax_m(CE_m)) / (M - 1).

    Args:
        logits: float32 `[M, B, K]`.
        labels: int `[B]`, or float `[B, K]` of mixed images.

    Returns:
        float32 `[M, B]`, which sum to 1 over the teachers; 1 for one teacher.
    """
    count = logits.shape[0]
    if count == 1:
        return ops.ones_like(logits[..., 0])
    if len(labels.shape) == 1:
        labels = ops.one_hot(ops.cast(labels, "int32"), logits.shape[-1])
    labels = ops.cast(two_classes(labels), "float32")
    losses = -ops.sum(labels * ops.log_softmax(logits, axis=-1), axis=-1)
    # 1 - softmax, as the sum of the others' shares: exact where one of them is nearly all.
    shares = ops.softmax(losses, axis=0)
    others = ops.sum(shares, axis=0, keepdims=True) - shares
    return others / (count - 1)


@keras.saving.register_keras_serializable(package="keras_kd")
class Confidence(Combination):
    """Logits of several teachers to the log of their mean probability, weighted by confidence.

    The weight of a teacher for an example is (1 - softmax over the teachers of CE) / (M - 1), CE
    its cross-entropy with the label: who is wrong about this image counts for less. Since the
    weights sum to 1, KL divergence to this mean is the weighted sum of the divergences to each
    teacher, but for a constant; the public code divides that sum by M once more.

    CA-MKD also matches features, weighted by the teachers' classifiers on them. That half is left
    out. At rest, without labels, all teachers count alike.

    Paper: Zhang et al. 2022, "Confidence-Aware Multi-Teacher Knowledge Distillation", arXiv
    2201.00007. There T = 4.

    Args:
        weights: equal shares; their number is that of the teachers.
        temperature: T at which probabilities are averaged: the student's.
    """

    normalized = True
    in_batch = needs_labels = True

    def __init__(self, weights, temperature=1.0, **kwargs):
        super().__init__(weights, **kwargs)
        self.temperature = check_temperature(temperature)

    @classmethod
    def of(cls, count, known=None, num_classes=None, weights=None, **kwargs):
        unweighted(weights, count, "confidence")
        return super().of(count, known, num_classes, **kwargs)

    def call(self, logits):
        weights = np.array(self.weights_of_teachers, "float32")[:, None]
        return log_mean_probability(stacked(logits), np.log(weights), self.temperature)

    def teach(self, runs, seed, labels):
        if labels is None:
            raise ValueError(
                "The combination 'confidence' weighs teachers by their loss on the labels. "
                "Received: a batch without labels. Give labels, or take 'entropy', which needs "
                "none."
            )
        logits = stacked([run() for run in runs])
        weights = ops.maximum(confidence(logits, labels), keras.config.epsilon() ** 2)
        return log_mean_probability(logits, ops.log(weights), self.temperature)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
