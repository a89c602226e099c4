"""Probabilistic knowledge transfer: how probable each example's neighbours are."""

import keras
from keras import ops

from keras_kd.methods.base import Method
from keras_kd.methods.features import flat

EPSILON = 1e-7  # as in the public implementations


def neighbour_probabilities(x):
    """Cosine similarities brought to [0, 1], each row divided by its sum.

    Args:
        x: float32 `[B, ...]`.

    Returns:
        float32 `[B, B]`, rows that sum to 1.
    """
    x = flat(x)
    square = ops.sum(ops.square(x), axis=1, keepdims=True)
    # The length's gradient has no limit at 0: a vector of zeros stays clear of it.
    length = ops.where(square > 0, ops.sqrt(ops.where(square > 0, square, 1.0)), 0.0)
    x = x / (length + EPSILON)
    similarity = (ops.matmul(x, ops.transpose(x)) + 1.0) / 2.0
    return similarity / ops.sum(similarity, axis=1, keepdims=True)


@keras.saving.register_keras_serializable(package="keras_kd")
class PKT(Method):
    """Matches the distributions over neighbours in feature space by their KL divergence.

    The loss of example i is the mean over j of p_j log(p_j / q_j); the mean over the examples is
    the mean over B^2 pairs of the public implementations.

    Relations exist only within a batch: under several replicas this is the *replica's own* part
    of the global batch, so two replicas do not equal one.

    Knowledge: relation. Needs: logits, or taps of any shapes (flattened); no labels.
    Paper: Passalis, Tefas 2018, arXiv 1803.10837.

    Args:
        **kwargs: as for `Method`. The public implementations tap the vector before the logits,
            with a weight of 30000.
    """

    def call(self, batch, student, teacher):
        loss = 0.0
        for s, t in self.pairs(student, teacher):
            q, p = neighbour_probabilities(s), neighbour_probabilities(t)
            loss += ops.mean(p * ops.log((p + EPSILON) / (q + EPSILON)), axis=1)
        return loss
