"""The weighted mean of the teachers' logits: their geometric mean, where the other is of sums."""

import keras
import numpy as np
from keras import ops

from keras_kd.teachers.combine.base import Combination, stacked


@keras.saving.register_keras_serializable(package="keras_kd")
class MeanLogits(Combination):
    """Logits of several teachers to their weighted mean.

    Its softmax is the teachers' geometric mean, scaled to sum to 1: a class that one of them rules
    out is ruled out. A teacher with larger logits counts for more.

    Paper: Ba and Caruana 2014, "Do Deep Nets Really Need to be Deep?", arXiv 1312.6184.
    """

    def call(self, logits):
        weights = np.array(self.weights_of_teachers, "float32")[:, None, None]
        return ops.sum(stacked(logits) * weights, axis=0)
