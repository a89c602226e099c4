"""One of the teachers at every step, drawn at random: a step costs one of them, not all."""

import keras
import numpy as np
import tensorflow as tf

from keras_kd.teachers.combine.base import Combination, log_mean_probability, stacked, switched


@keras.saving.register_keras_serializable(package="keras_kd")
class RandomTeacher(Combination):
    """At every step the logits of one teacher, who alone runs; at rest the mean probability.

    The draw depends on the seed of the run, the stage and the step: the same on all replicas, after
    a restart, and in a cache of targets. Weights are the probabilities of the draw.

    Paper: Fukuda et al. 2017, "Efficient Knowledge Distillation from an Ensemble of Teachers",
    Interspeech 2017 (no arXiv number), by the account of Gou et al. 2020, arXiv 2006.05525; the
    paper itself was not read.
    """

    normalized = in_batch = draws = True

    def call(self, logits):
        weights = np.array(self.weights_of_teachers, "float32")[:, None]
        return log_mean_probability(stacked(logits), np.log(weights))

    def teach(self, runs, seed, labels):
        drawn = tf.random.stateless_uniform((), seed, alg="philox")
        bounds = np.cumsum(self.weights_of_teachers)[:-1].astype("float32")
        index = tf.reduce_sum(tf.cast(drawn >= bounds, tf.int32))
        return switched(index, runs)
