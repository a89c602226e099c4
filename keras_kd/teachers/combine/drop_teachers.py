"""All teachers but a few at every step, drawn at random: no student leans on one of them."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_kd.teachers.combine.base import (
    Combination,
    check_temperature,
    log_mean_probability,
    stacked,
    switched,
)


@keras.saving.register_keras_serializable(package="keras_kd")
class DropTeachers(Combination):
    """At every step the mean probability of the teachers but `drop` of them; at rest of all.

    Densely guided distillation: a student, and each assistant before it, learns from all larger
    networks, and each step leaves some of them out. The sum of the KL divergences to those that
    stay is their number times the divergence to their mean, but for a constant; here the mean is
    taken, whose size does not depend on how many there are. Those that are left out do not run.

    Paper: Son et al. 2021, "Densely Guided Knowledge Distillation using Multiple Teacher
    Assistants", arXiv 2009.08825. There drop = 1, T = 5.

    Args:
        weights: one positive number per teacher, summing to 1; those that stay keep their ratios.
        drop: how many are left out, at least 0 and fewer than there are.
        temperature: T at which probabilities are averaged: the student's.
    """

    normalized = in_batch = draws = True

    def __init__(self, weights, drop=1, temperature=1.0, **kwargs):
        super().__init__(weights, **kwargs)
        count = len(self.weights_of_teachers)
        if isinstance(drop, bool) or int(drop) != drop or not 0 <= drop < count:
            raise ValueError(
                f"drop must be a whole number, at least 0 and below {count}, the number of "
                f"teachers. Received: drop={drop!r}. One at least must stay."
            )
        self.drop = int(drop)
        self.temperature = check_temperature(temperature)

    def call(self, logits):
        weights = np.array(self.weights_of_teachers, "float32")[:, None]
        return log_mean_probability(stacked(logits), np.log(weights), self.temperature)

    def teach(self, runs, seed, labels):
        drawn = tf.random.stateless_uniform((len(runs),), seed, alg="philox")
        stay = tf.argsort(drawn)[self.drop :]
        logits = ops.stack([switched(number, runs) for number in tf.unstack(stay)], axis=0)
        weights = tf.gather(tf.constant(self.weights_of_teachers, tf.float32), stay)
        log_weights = tf.math.log(weights / tf.reduce_sum(weights))[:, None]
        return log_mean_probability(logits, log_weights, self.temperature)

    def get_config(self):
        own = {"drop": self.drop, "temperature": self.temperature}
        return {**super().get_config(), **own}
