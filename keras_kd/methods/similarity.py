"""Similarity-preserving distillation: which examples of a batch activate the network alike."""

import keras
from keras import ops

from keras_kd.methods.base import Method
from keras_kd.methods.features import flat, unit


def similarities(x):
    """The matrix of inner products of all examples, each row scaled to length 1.

    Args:
        x: float32 `[B, ...]`.

    Returns:
        float32 `[B, B]`.
    """
    x = flat(x)
    return unit(ops.matmul(x, ops.transpose(x)), axis=1)


@keras.saving.register_keras_serializable(package="keras_kd")
class SimilarityPreserving(Method):
    """Matches the row-normalised Gram matrices of the batch, whatever the features' sizes.

    The loss of example i is the squared distance of row i over B; the mean over the examples is
    the paper's squared Frobenius norm over B^2.

    Relations exist only within a batch: under several replicas this is the *replica's own* part
    of the global batch, so two replicas do not equal one.

    Knowledge: relation. Needs: logits, or taps of any shapes (flattened); no labels.
    Paper: Tung, Mori 2019, arXiv 1907.09682.

    Args:
        **kwargs: as for `Method`. The paper taps the last map; the weight is 3000 in the paper and
            in the public implementations, at batches of 64 to 256.
    """

    def call(self, batch, student, teacher):
        pairs = self.pairs(student, teacher)
        return sum(
            ops.mean(ops.square(similarities(t) - similarities(s)), axis=1) for s, t in pairs
        )
