"""The clock of a stage: which step it is, how long it took, and when an interval ends."""

import time

import keras


class Callbacks(keras.callbacks.CallbackList):
    """A stage's callbacks; a step's logs stay tensors on the device.

    Keras's own list turns them into numbers before every callback, so that each step waits for the
    one before to end.
    """

    def on_train_batch_end(self, batch, logs=None):
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)


class Clock(keras.callbacks.Callback):
    """Counts the stage's steps and seconds over all its starts and fits; the others read it.

    A fit need not cover a whole interval: the data may change their structure within one, and a
    run may have been stopped there. So an interval ends where this clock says, not where Keras's
    epoch does. Evaluation is not counted, and the first step, which compiles, apart.

    Args:
        step: steps done before this start.
        interval: steps between two evaluations.
        total: steps of the whole stage.
        times: what `times` held when the run was stopped within this interval.
        ends: steps at which the stage ended before it was prolonged; they end intervals too.
    """

    def __init__(self, step, interval, total, times=None, ends=()):
        super().__init__()
        self.step = self.first_step = step
        self.interval = interval
        self.total = total
        self.ends = sorted({*ends, total})
        self.times = times or {}
        self._since = time.monotonic()

    @property
    def started(self):
        """Whether a step was done since this start."""
        return self.step > self.first_step

    @property
    def at_end(self):
        """Whether an interval has just ended."""
        return self.step % self.interval == 0 or self.step in self.ends

    @property
    def next_end(self):
        """The next step at which the stage ends, or ended before it was prolonged."""
        return next(end for end in self.ends if end > self.step)

    def on_epoch_begin(self, epoch, logs=None):
        self._fit_began = self.step
        if self.at_end:
            self.times = {}
        if self.started:
            self._since = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        # Keras counts from 0 within the epoch, and leaps with steps_per_execution.
        first, before = not self.started, self.step
        self.step = self._fit_began + batch + 1
        if first or self.at_end:
            _ = self.model.first_bad_step  # an accelerator works on while Python counts
        now = time.monotonic()
        self._count("first_" if first else "", self.step - before, now - self._since)
        self._since = now

    def _count(self, kind, steps, seconds):
        for key, value in ((f"{kind}steps", steps), (f"{kind}step_seconds", seconds)):
            self.times[key] = self.times.get(key, 0) + value

    def rate(self):
        """Steps per second of the interval; the first step counts only where it is alone."""
        kind = "" if self.times.get("steps") else "first_"
        return self.times[f"{kind}steps"] / max(self.times[f"{kind}step_seconds"], 1e-9)

    def seconds(self):
        """`seconds` of the interval and, where it has one, `first_step_seconds` apart."""
        first = {k: v for k, v in self.times.items() if k == "first_step_seconds"}
        return {"seconds": self.times.get("step_seconds", 0.0), **first}
