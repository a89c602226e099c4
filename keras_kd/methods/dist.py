"""DIST: correlation instead of exact agreement, over classes and over the examples of a batch."""

import keras
from keras import ops

from keras_kd.methods.arguments import not_negative, positive
from keras_kd.methods.logits import LogitMethod

EPSILON = 1e-8  # as in the public implementation
TINY = 1e-30  # its root is nothing beside EPSILON


def pearson(a, b, axis):
    """Pearson's correlation of two tensors of the same shape along an axis, in [-1, 1].

    The product of the deviations' lengths + 1e-8 is what it divides by, as in the authors' code.
    """
    a, b = (x - ops.mean(x, axis=axis, keepdims=True) for x in (a, b))
    square = ops.sum(a * a, axis=axis) * ops.sum(b * b, axis=axis)
    # A square root has no gradient at 0, where either does not vary at all.
    lengths = ops.sqrt(ops.maximum(square, TINY))
    return ops.sum(a * b, axis=axis) / (lengths + EPSILON)


@keras.saving.register_keras_serializable(package="keras_kd")
class DIST(LogitMethod):
    """Correlates the probabilities: of each example over the classes, of each class over the batch.

    T^2 * (beta * (1 - r(classes)) + gamma * mean over classes of (1 - r(examples))), r being
    Pearson's correlation of the softened probabilities. The second part belongs to the batch and
    is the same for each of its examples. Under several replicas the batch is the *replica's own*
    part of the global one, so two replicas do not equal one.

    Knowledge: response. Needs: logits of as many classes; no labels; batches of several examples.
    Paper: Huang et al. 2022, arXiv 2205.10536.

    Args:
        beta: factor of the relation between classes, at least 0; 1 in the public implementation.
        gamma: factor of the relation within classes, at least 0; 1 in the public implementation.
        temperature: T > 0; the paper's value is 1 on ImageNet, 4 on CIFAR-100.
        **kwargs: as for `LogitMethod` (`standardize`) and `Method`. Peers give it the weight 2.

    Raises:
        ValueError: a bad factor or temperature, or class counts that differ.
    """

    def __init__(self, beta=1.0, gamma=1.0, temperature=1.0, **kwargs):
        super().__init__(**kwargs)
        self.beta, self.gamma = not_negative(beta=beta, gamma=gamma)
        self.temperature = positive(temperature=temperature)

    def call(self, batch, student, teacher):
        loss = 0.0
        for s, t in self.logit_pairs(student, teacher):
            p, q = (ops.softmax(x / self.temperature, axis=-1) for x in (t, s))
            between = 1.0 - pearson(q, p, axis=1)
            within = 1.0 - ops.mean(pearson(q, p, axis=0))
            loss += self.temperature**2 * (self.beta * between + self.gamma * within)
        return loss

    def get_config(self):
        own = {"beta": self.beta, "gamma": self.gamma, "temperature": self.temperature}
        return {**super().get_config(), **own}
