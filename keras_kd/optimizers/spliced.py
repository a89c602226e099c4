"""A learning rate made of pieces: what a run has that was made longer."""

import itertools

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_kd")
class Spliced(keras.optimizers.schedules.LearningRateSchedule):
    """Schedules that take over from one another, each with a step count of its own.

    From step `since[i]` on, until the next takes over, the rate is
    `schedules[i](step - starts[i])`.

    Args:
        schedules: list of `keras.optimizers.schedules.LearningRateSchedule` of one peak.
        since: list of int, rising from 0.
        starts: list of int, the step that each schedule counts from.

    Raises:
        ValueError: lists of other lengths, or steps that do not rise from 0.
    """

    def __init__(self, schedules, since, starts):
        rising = all(a < b for a, b in itertools.pairwise(since))
        if (
            not schedules
            or since[0]
            or not rising
            or not len(schedules) == len(since) == len(starts)
        ):
            raise ValueError(
                "Schedules need as many steps since when they hold, rising from 0, and as many "
                f"starts. Received: {len(schedules)} schedules, since={since}, starts={starts}."
            )
        self.schedules = [
            keras.optimizers.schedules.deserialize(each) if isinstance(each, dict) else each
            for each in schedules
        ]
        self.since = [int(step) for step in since]
        self.starts = [int(step) for step in starts]
        # Weight decay follows the schedule's shape, see `DecoupledDecay`.
        self.peak_learning_rate = self.schedules[0].peak_learning_rate

    def __call__(self, step):
        """The learning rate, a float32 scalar, of the step numbered from 0."""
        rate = self.schedules[0](step - self.starts[0])
        for schedule, since, start in list(zip(self.schedules, self.since, self.starts))[1:]:
            rate = ops.where(step >= since, schedule(step - start), rate)
        return rate

    def get_config(self):
        serialize = keras.optimizers.schedules.serialize
        return {
            "schedules": [serialize(schedule) for schedule in self.schedules],
            "since": self.since,
            "starts": self.starts,
        }
