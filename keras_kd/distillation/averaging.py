"""A learner's weights averaged over the steps.

Keras's `use_ema` cannot do this here: it averages trainable weights only, not batch norm's
statistics, and `fit` ends by overwriting the weights that still train, while a stage here is
several fits.
"""

import keras
from keras import ops

from keras_kd.distillation.followers import Follower
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


class Average(Follower):
    """An exponential moving average of a learner's weights.

    After each step `average += (1 - d) * (learner - average)`, d from `rule`, for every float
    weight, batch norm's statistics included; the learner does not notice.

    Args:
        decay: share of the average that a step keeps, above 0 and below 1.
        follows: name of the learner; a network that `keras.models.clone_model` can copy.
        evaluated: whether the average stands for the student where the model is called, evaluated
            or predicts, and is put into it at the end of the training. False where it only
            teaches: a method with `source="ema"`.
        name: its own name.
        rule: function of (steps done, decay) to the share that a step keeps.

    Raises:
        ValueError: an impossible decay, or an average of another learner to evaluate.

    Reference: Polyak, Juditsky 1992; as used for networks by Tarvainen, Valpola 2017,
    arXiv 1703.01780.
    """

    def __init__(self, decay, follows="student", evaluated=True, name="ema", rule=decay_at):
        if not 0.0 < decay < 1.0:
            raise ValueError(f"decay must be above 0 and below 1. Received: decay={decay!r}.")
        if evaluated and follows != "student":
            raise ValueError(
                "Only the student's average can be evaluated in its place. "
                f"Received: follows={follows!r}, evaluated=True. Give evaluated=False."
            )
        super().__init__(follows, name)
        self.decay = float(decay)
        self._rule = lambda steps: rule(steps, self.decay)
        self.evaluated = evaluated

    def begin(self, learners):
        learner = learners[self.follows]
        self.network = keras.models.clone_model(learner)
        self.network.trainable = False
        self.network.set_weights(learner.get_weights())
        for state in generator_states([self.network]):
            state.assign(ops.zeros_like(state))  # never drawn from: equal runs, equal checkpoints
        # Behind a function, since the learner is no part of its average.
        self._learner = lambda: learner
        self.built = True

    def after_step(self, steps, batch, outputs):
        """Each replica moves its own copy: the learner is the same on all of them."""
        move = 1.0 - self._rule(steps)
        for average, weight in zip(self.network.weights, self._learner().weights):
            if "float" in str(weight.dtype):
                step = ops.cast(move, average.dtype) * (weight - average)
                average.assign(average + step)

    def finish(self):
        """Puts the average into the student, which leaves."""
        if self.evaluated:
            self._learner().set_weights(self.network.get_weights())


def averages_of(methods):
    """The averages that methods follow, a list of `Average`."""
    return [
        Average(name=name, **arguments)
        for method in methods
        for name, arguments in method.averages().items()
    ]
