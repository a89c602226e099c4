"""A student whose weights are averaged over the steps; the average is what leaves.

Keras's `use_ema` cannot do this here: it averages trainable weights only, not batch norm's
statistics, and `fit` ends by overwriting the weights that still train, while a stage here is
several fits.
"""

import keras
from keras import ops

from keras_kd.data.batch import view
from keras_kd.distillation.kd_model import KDModel
from keras_kd.distillation.seeds import generator_states


def decay_at(step, decay):
    """The share of the average that a step keeps.

    Args:
        step: int or integer scalar tensor, steps done, this one included; at least 1.
        decay: share in (0, 1) that is reached in the end.

    Returns:
        float32 scalar tensor, min(decay, (1 + step) / (10 + step)): young averages move faster, so
        that a short run is not weighed down by the weights it began with. The rule is that of
        `tf.train.ExponentialMovingAverage` with `num_updates`.
    """
    step = ops.cast(step, "float32")
    return ops.minimum(ops.cast(decay, "float32"), (1.0 + step) / (10.0 + step))


class AveragedKDModel(KDModel):
    """A `KDModel` that keeps an exponential moving average of its student beside it.

    After each step `average += (1 - d) * (student - average)`, d from `decay_at`, for every float
    weight, batch norm's statistics included. Called, evaluated or predicting, the model is the
    average; `student` goes on training. The average belongs to the model's variables, and so to
    its checkpoints.

    Args:
        student: as for `KDModel`; a network that `keras.models.clone_model` can copy.
        *args: as for `KDModel`.
        decay: share of the average that a step keeps, above 0 and below 1.
        **kwargs: as for `KDModel`.

    Raises:
        ValueError: an impossible decay, or what `KDModel` raises.

    Reference: Polyak, Juditsky 1992; as used for networks by Tarvainen, Valpola 2017,
    arXiv 1703.01780.
    """

    def __init__(self, student, *args, decay, **kwargs):
        if not 0.0 < decay < 1.0:
            raise ValueError(f"decay must be above 0 and below 1. Received: decay={decay!r}.")
        super().__init__(student, *args, **kwargs)
        self.decay = float(decay)
        self.average = keras.models.clone_model(student)
        self.average.trainable = False
        self.average.set_weights(student.get_weights())
        for state in generator_states([self.average]):
            state.assign(ops.zeros_like(state))  # never drawn from: equal runs, equal checkpoints

    def call(self, inputs, training=False):
        """The averaged student's logits `[B, K]` for a tensor of images or a batch dict."""
        return self.average(view(inputs, "student"), training=False)

    def train_step(self, data):
        logs = super().train_step(data)
        self._average_weights()
        return logs

    def use_average(self):
        """Puts the average into the student: the end of its training."""
        self.student.set_weights(self.average.get_weights())

    def _average_weights(self):
        """Each replica moves its own copy: the student is the same on all of them."""
        move = 1.0 - decay_at(self._steps_and_bad_step()[0], self.decay)
        for average, weight in zip(self.average.weights, self.student.weights):
            if "float" in str(weight.dtype):
                step = ops.cast(move, average.dtype) * (weight - average)
                average.assign(average + step)
