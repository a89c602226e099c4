"""Correlation congruence: how the examples of a batch correlate, through a Gaussian kernel."""

import math

import keras
from keras import ops

from keras_kd.methods.arguments import integer, positive
from keras_kd.methods.base import Method
from keras_kd.methods.features import flat, unit


def correlations(x, gamma, order):
    """The Gaussian kernel exp(-gamma |a - b|^2) of all pairs of unit vectors, by its Taylor series.

    exp(-2 gamma) * sum over p = 0..order of (2 gamma)^p / p! * (a . b)^p.

    Args:
        x: float32 `[B, ...]`; flattened, and scaled to length 1.
        gamma: width of the kernel, above 0.
        order: highest power P.

    Returns:
        float32 `[B, B]`.
    """
    x = unit(flat(x))
    cosine = ops.matmul(x, ops.transpose(x))
    total = ops.ones_like(cosine)
    power = ops.ones_like(cosine)
    for p in range(1, order + 1):
        power = power * cosine
        total += (2.0 * gamma) ** p / math.factorial(p) * power
    return math.exp(-2.0 * gamma) * total


@keras.saving.register_keras_serializable(package="keras_kd")
class CorrelationCongruence(Method):
    """Matches the correlation matrices of the batch, whatever the features' sizes.

    The loss of example i is the mean squared difference of row i; the mean over the examples is
    the paper's squared distance over B^2. RepDistiller's `CC` is another formula: the mean
    product of absolute differences of neighbouring examples, which no kernel yields.

    Relations exist only within a batch: under several replicas this is the *replica's own* part
    of the global batch, so two replicas do not equal one.

    Knowledge: relation. Needs: logits, or taps of any shapes (flattened); no labels.
    Paper: Peng et al. 2019, arXiv 1904.01802.

    Args:
        gamma: width of the Gaussian kernel, above 0; the paper's value is 0.4.
        order: order P of its Taylor series, at least 1; the paper's value is 2.
        **kwargs: as for `Method`. The paper taps the vector before the logits; its weight is
            0.003, that of Knowledge-Distillation-Zoo on CIFAR-10 100.

    Raises:
        ValueError: an impossible gamma or order.
    """

    def __init__(self, gamma=0.4, order=2, **kwargs):
        super().__init__(**kwargs)
        self.gamma = positive(gamma=gamma)
        self.order = integer(order=order)

    def call(self, batch, student, teacher):
        loss = 0.0
        for s, t in self.pairs(student, teacher):
            s, t = (correlations(x, self.gamma, self.order) for x in (s, t))
            loss += ops.mean(ops.square(s - t), axis=1)
        return loss

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma, "order": self.order}
