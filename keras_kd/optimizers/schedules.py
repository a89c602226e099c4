"""Learning-rate schedules, counted in steps."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_kd")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from 0, then half a cosine down to 0.

    Args:
        peak_learning_rate: the rate at the end of the warm-up, above 0.
        total_steps: steps of the whole run; the rate is 0 from there on.
        warmup_steps: steps of the warm-up, at least 0 and fewer than `total_steps`.

    Raises:
        ValueError: an impossible rate or length.
    """

    def __init__(self, peak_learning_rate, total_steps, warmup_steps=0):
        if not 0.0 < float(peak_learning_rate) < float("inf"):
            raise ValueError(
                "peak_learning_rate must be a finite number above 0. "
                f"Received: peak_learning_rate={peak_learning_rate}."
            )
        if not 0 <= warmup_steps < total_steps:
            raise ValueError(
                "The warm-up must be shorter than the run. "
                f"Received: warmup_steps={warmup_steps}, total_steps={total_steps}."
            )
        self.peak_learning_rate = float(peak_learning_rate)
        self.total_steps = int(total_steps)
        self.warmup_steps = int(warmup_steps)

    def __call__(self, step):
        """The learning rate, a float32 scalar, of the step numbered from 0."""
        step = ops.cast(step, "float32")
        warmup = ops.minimum(step / max(self.warmup_steps, 1), 1.0) if self.warmup_steps else 1.0
        progress = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        cosine = 0.5 * (1.0 + ops.cos(math.pi * ops.clip(progress, 0.0, 1.0)))
        return self.peak_learning_rate * warmup * cosine

    def get_config(self):
        return {
            "peak_learning_rate": self.peak_learning_rate,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
        }
