"""Learning-rate schedules, counted in steps."""

import math

import keras
from keras import ops


class _Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to a peak, before whatever follows.

    Args:
        peak_learning_rate: the rate at the end of the warm-up, above 0.
        total_steps: steps of the whole run.
        warmup_steps: steps of the warm-up, at least 0 and fewer than `total_steps`.
        first_rate: the rate that the warm-up begins with, from 0 to the peak.
        last_rate: the rate at the end of the run, from 0 to the peak.

    Raises:
        ValueError: an impossible rate or length.
    """

    def __init__(
        self, peak_learning_rate, total_steps, warmup_steps=0, first_rate=0.0, last_rate=0.0
    ):
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
        for name, rate in (("first_rate", first_rate), ("last_rate", last_rate)):
            if not 0.0 <= rate <= peak_learning_rate:
                raise ValueError(
                    f"{name} must be at least 0 and at most the peak. Received: {name}={rate}, "
                    f"peak_learning_rate={peak_learning_rate}."
                )
        self.first_rate, self.last_rate = float(first_rate), float(last_rate)
        self.peak_learning_rate = float(peak_learning_rate)
        self.total_steps = int(total_steps)
        self.warmup_steps = int(warmup_steps)

    def _warmup(self, step):
        """Share of the peak that the warm-up allows, of a float32 step."""
        return ops.minimum(step / max(self.warmup_steps, 1), 1.0) if self.warmup_steps else 1.0

    def _progress(self, step):
        """Share of what follows the warm-up that is done, in [0, 1], of a float32 step."""
        progress = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        return ops.clip(progress, 0.0, 1.0)

    def _between(self, step, left):
        """The rate of a float32 step, `left` being the share of the peak that stays of it."""
        allowed = self._warmup(step)
        ends = self.first_rate * (1.0 - allowed) + self.last_rate * (1.0 - left)
        return ends + self.peak_learning_rate * allowed * left

    def get_config(self):
        ends = {"first_rate": self.first_rate, "last_rate": self.last_rate}
        return {
            "peak_learning_rate": self.peak_learning_rate,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            **{name: rate for name, rate in ends.items() if rate},
        }


@keras.saving.register_keras_serializable(package="keras_kd")
class WarmupCosine(_Warmup):
    """Linear warm-up from 0, or `first_rate`, then half a cosine down to 0, or `last_rate`.

    Args:
        peak_learning_rate: the rate at the end of the warm-up, above 0.
        total_steps: steps of the whole run; the rate is the last one from there on.
        warmup_steps: steps of the warm-up, at least 0 and fewer than `total_steps`.
        first_rate: the rate that the warm-up begins with, from 0 to the peak.
        last_rate: the rate at the end of the run, from 0 to the peak.

    Raises:
        ValueError: an impossible rate or length.
    """

    def __call__(self, step):
        """The learning rate, a float32 scalar, of the step numbered from 0."""
        step = ops.cast(step, "float32")
        cosine = 0.5 * (1.0 + ops.cos(math.pi * self._progress(step)))
        return self._between(step, cosine)


@keras.saving.register_keras_serializable(package="keras_kd")
class WarmupQuadratic(_Warmup):
    """Linear warm-up, then `(1 - progress) ** 2` of the peak, down to 0 or `last_rate`.

    The schedule under which Beyer et al. 2021 (arXiv 2106.05237) train by `Shampoo`. Arguments and
    errors are those of `WarmupCosine`.
    """

    def __call__(self, step):
        """The learning rate, a float32 scalar, of the step numbered from 0."""
        step = ops.cast(step, "float32")
        left = 1.0 - self._progress(step)
        if not (self.first_rate or self.last_rate):
            return self.peak_learning_rate * self._warmup(step) * left * left
        return self._between(step, left * left)


@keras.saving.register_keras_serializable(package="keras_kd")
class WarmupStaircase(_Warmup):
    """Linear warm-up from 0, then a constant rate that falls to a tenth at given steps.

    As in BiT's code, the step with the number of a boundary is still made at the old rate.

    Args:
        peak_learning_rate: the rate at the end of the warm-up, above 0.
        total_steps: steps of the whole run.
        warmup_steps: steps of the warm-up, at least 0 and fewer than `total_steps`.
        decay_at: steps after which the rate falls to a tenth, in order, from the end of the
            warm-up to the end of the run; none for a constant rate.

    Raises:
        ValueError: an impossible rate or length, or boundaries out of order or of the run.

    Paper: Kolesnikov et al. 2020, "Big Transfer (BiT)", arXiv 1912.11370.
    """

    def __init__(self, peak_learning_rate, total_steps, warmup_steps=0, decay_at=()):
        super().__init__(peak_learning_rate, total_steps, warmup_steps)
        self.decay_at = [int(step) for step in decay_at]
        ordered = [self.warmup_steps, *self.decay_at, self.total_steps]
        if ordered != sorted(ordered):
            raise ValueError(
                "decay_at must be steps in order, none before the end of the warm-up or after the "
                f"end of the run. Received: decay_at={self.decay_at}, warmup_steps={warmup_steps}, "
                f"total_steps={total_steps}."
            )

    def __call__(self, step):
        """The learning rate, a float32 scalar, of the step numbered from 0."""
        step = ops.cast(step, "float32")
        rate = self.peak_learning_rate * self._warmup(step)
        for boundary in self.decay_at:
            rate = rate * ops.where(step > boundary, 0.1, 1.0)
        return rate

    def get_config(self):
        return {**super().get_config(), "decay_at": self.decay_at}


SCHEDULES = {
    "cosine": WarmupCosine,
    "quadratic": WarmupQuadratic,
    "staircase": WarmupStaircase,
}
