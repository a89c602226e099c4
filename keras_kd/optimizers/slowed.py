"""A schedule for an optimizer that takes several steps in each training step."""

import keras


@keras.saving.register_keras_serializable(package="keras_kd")
class Slowed(keras.optimizers.schedules.LearningRateSchedule):
    """The rate of a schedule whose steps last longer: `schedule(step // times)`.

    Args:
        schedule: a `keras.optimizers.schedules.LearningRateSchedule`.
        times: steps of the optimizer for one of the schedule, an int of at least 1.
    """

    def __init__(self, schedule, times):
        given = isinstance(schedule, dict)
        self.schedule = keras.optimizers.schedules.deserialize(schedule) if given else schedule
        self.times = times
        # Weight decay follows the schedule's shape, see `DecoupledDecay`.
        self.peak_learning_rate = self.schedule.peak_learning_rate

    def __call__(self, step):
        """The learning rate, a float32 scalar, of the optimizer's step numbered from 0."""
        return self.schedule(step // self.times)

    def get_config(self):
        schedule = keras.optimizers.schedules.serialize(self.schedule)
        return {"schedule": schedule, "times": self.times}
