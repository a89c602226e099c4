"""Distances between logits, and between log-probabilities."""

import keras
from keras import ops

from keras_kd.methods.logits import LogitMethod

EPSILON = 1e-12  # under the square root, whose gradient has no limit at 0


@keras.saving.register_keras_serializable(package="keras_kd")
class LogitL2(LogitMethod):
    """Regresses the teacher's logits: half the squared Euclidean distance.

    Half the sum over the classes, as in the paper; big_vision's `l2` is twice this, the mean
    squared error 2 / K times.

    Knowledge: response. Needs: nothing but logits of as many classes; no labels.
    Paper: Ba, Caruana 2014, arXiv 1312.6184.

    Args:
        **kwargs: as for `LogitMethod` (`standardize`) and `Method`.

    Raises:
        ValueError: class counts that differ.
    """

    label_kind = None  # each class by itself

    @property
    def needs_raw_logits(self):
        return not self.standardize

    def call(self, batch, student, teacher):
        pairs = self.logit_pairs(student, teacher)
        return sum(0.5 * ops.sum(ops.square(s - t), axis=-1) for s, t in pairs)


@keras.saving.register_keras_serializable(package="keras_kd")
class LogSoftmaxDistance(LogitMethod):
    """Matches log-probabilities: their Euclidean distance.

    sqrt(sum_k (log p_k - log q_k)^2 + 1e-12), as `logsoftmax_euclidean` of big_vision's
    distillation code. Unlike the KL divergence it counts improbable classes as much as probable
    ones.

    Knowledge: response. Needs: nothing but logits of as many classes; no labels.
    Paper: code of Beyer et al. 2021, arXiv 2106.05237.

    Args:
        **kwargs: as for `LogitMethod` (`standardize`) and `Method`.

    Raises:
        ValueError: class counts that differ.
    """

    def call(self, batch, student, teacher):
        loss = 0.0
        for s, t in self.logit_pairs(student, teacher):
            gap = ops.log_softmax(s, axis=-1) - ops.log_softmax(t, axis=-1)
            loss += ops.sqrt(ops.sum(ops.square(gap), axis=-1) + EPSILON)
        return loss
