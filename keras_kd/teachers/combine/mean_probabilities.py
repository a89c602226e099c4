"""The weighted mean of the teachers' probabilities: the combination where none is named.

KL divergence to the mean probability differs from the mean of the KL divergences to each teacher
only by a constant, since cross-entropy is linear in the labels: one soft target serves for all.
"""

import keras
import numpy as np
from keras import ops

from keras_kd.models.output import two_classes
from keras_kd.teachers.combine.base import Combination, check_temperature


@keras.saving.register_keras_serializable(package="keras_kd")
class LogMeanProbability(Combination):
    """Logits of several teachers, each `[B, K]`, to the log of their weighted mean probability.

    One logit z of a teacher is two classes, [0, z]. What comes out are log-probabilities, see
    `keras_kd.models.answers`: methods that need logits themselves refuse them.

    Computed in log space and float32, so that a class with probability 1e-40 stays finite.

    Paper: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", arXiv 1503.02531.

    Args:
        weights: one positive number per teacher, summing to 1.
        temperature: T at which probabilities are taken. A student of the same T then follows the
            mean of the softened probabilities, T log sum_m w_m softmax(z_m / T).
    """

    normalized = True

    def __init__(self, weights, temperature=1.0, **kwargs):
        super().__init__(weights, **kwargs)
        self.temperature = check_temperature(temperature)

    def call(self, logits):
        terms = [
            ops.log_softmax(self._softened(one), axis=-1) + float(np.log(weight))
            for one, weight in zip(logits, self.weights_of_teachers)
        ]
        mean = ops.logsumexp(ops.stack(terms, axis=0), axis=0)
        return mean if self.temperature == 1 else self.temperature * mean

    def _softened(self, logits):
        logits = ops.cast(two_classes(logits), "float32")
        return logits if self.temperature == 1 else logits / self.temperature

    def get_config(self):
        # Left out at 1: caches of before there were others are still of the same teacher.
        own = {} if self.temperature == 1 else {"temperature": self.temperature}
        return {**super().get_config(), **own}
