"""What happens in and around an interval of training: checks, checkpoints, logs, progress."""

import sys
import time

import keras
from tqdm import tqdm

from keras_kd.checkpoint import Snapshot, all_finite, assign_running
from keras_kd.signals import Stopped


class TrainingDiverged(RuntimeError):
    """The loss is not finite any more; the last good checkpoint is kept."""


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


class Save(keras.callbacks.Callback):
    """Saves all that the stage needs to go on, and leaves where a signal asks for it.

    At an interval's end it saves before the evaluation, and with the interval's numbers: a run
    that is stopped in its evaluation only evaluates again.

    Args:
        stage: name of the stage, for messages.
        checkpoints: `keras_kd.checkpoint.Checkpoints` of the stage.
        writer: `keras_kd.writer.Writer` of its files; None where another worker writes.
        clock: the stage's `Clock`.
        every: steps between two checkpoints; intervals end with one in any case.
        running: list of the metrics' variables, which go on from segment to segment.
        log: the stage's `keras_kd.metrics_log.Log`, which stands before this in a fit.
        asked: `keras_kd.signals.Asked`.
        lengths: dict of what a later start must find equal; kept in each checkpoint.
        keep_at: steps whose checkpoints are kept for good.
    """

    def __init__(
        self, stage, checkpoints, writer, clock, every, running, log, asked, lengths, keep_at=()
    ):
        super().__init__()
        self.stage = stage
        self.checkpoints = checkpoints
        self.writer = writer
        self.clock = clock
        self.every = every
        self.running = running
        self.log = log
        self.asked = asked
        self.lengths = lengths
        self.keep_at = frozenset(keep_at)
        self.saved_step = clock.step
        # Keras resets the metrics when a fit begins: what a started interval has is put back.
        self.carried = self._running_values()

    def on_train_begin(self, logs=None):
        self.leave_if_asked()

    def on_epoch_begin(self, epoch, logs=None):
        if not self.clock.at_end:
            for variable, value in zip(self.running, self.carried):
                assign_running(variable, value)

    def on_train_batch_end(self, batch, logs=None):
        step = self.clock.step
        if self.clock.at_end or step % self.every == 0 or step in self.keep_at:
            self.save(logs)
        elif self.writer:
            self.writer.check()
        self.leave_if_asked(logs)

    def on_test_batch_end(self, batch, logs=None):
        self.leave_if_asked()

    def on_epoch_end(self, epoch, logs=None):
        if self.clock.at_end:
            self.keep_best()
        else:
            self.carried = self._running_values()

    def save(self, logs=None):
        """Hands the state of this step to the writer.

        A worker without one only looks whether the state is broken, as the chief does, so that
        both end there.

        Raises:
            TrainingDiverged: the state is broken; it is not saved.
            OSError: an earlier checkpoint could not be written.
        """
        kd, clock = self.model, self.clock
        meta = {"times": dict(clock.times), "lengths": self.lengths}  # the thread writes it later
        if clock.at_end:
            results = kd.get_metrics_result()
            meta["numbers"] = {k: float(results.get(k, v)) for k, v in (logs or {}).items()}
        variables = [*kd.variables, *kd.optimizer.variables]
        if self.writer:
            snapshot = Snapshot(clock.step, variables, self.running, meta)
            finite = snapshot.all_finite()
        else:
            finite = all_finite(variables, self.running)
        bad = kd.first_bad_step
        if bad is None and not finite:
            bad = clock.step  # the last update broke the weights; its loss was still good
        if bad is not None:
            self._diverged(bad)
        if self.writer:
            self.writer.submit(snapshot)
        self.saved_step = clock.step
        self.keep_for_good()

    def keep_best(self):
        """Copies this step's checkpoint if no interval before was as good."""
        if self.writer and self.log.best_step == self.clock.step:
            self.writer.then(self.checkpoints.keep_best, self.clock.step)

    def keep_for_good(self):
        """Copies this step's checkpoint to where nothing is deleted, if it is one of `keep_at`."""
        if self.writer and self.clock.step in self.keep_at:
            self.writer.then(self.checkpoints.keep_for_good, self.clock.step)

    def leave_if_asked(self, logs=None):
        """Saves the step and raises `Stopped` if a signal came."""
        if self.asked.signum is None:
            return
        if self.clock.step != self.saved_step:
            self.save(logs)
        if self.writer:
            self.writer.wait()
        raise Stopped(self.asked.signum, f" at step {self.clock.step:,} of stage '{self.stage}'")

    def _running_values(self):
        return list(Snapshot(0, [], self.running).arrays.values())

    def _diverged(self, step):
        if self.writer:
            self.writer.wait()
        good = self.checkpoints.steps()
        kept = f"{self.checkpoints.path(good[-1])} (step {good[-1]})" if good else "none yet"
        raise TrainingDiverged(
            f"The loss of stage '{self.stage}' is not finite from step {step} on (counted from 0). "
            f"Last good checkpoint: {kept}. Lower the learning rate, clip the gradients "
            "(clip=1.0) or look at the data; then start in a new --workdir."
        )


class Progress(keras.callbacks.Callback):
    """A progress bar in images: rate, time left and the newest numbers.

    Args:
        stage: what to call it.
        total_steps: steps of the whole stage.
        batch_size: examples a step.
        clock: the stage's `Clock`.
    """

    def __init__(self, stage, total_steps, batch_size, clock):
        super().__init__()
        self.batch_size = batch_size
        self.clock = clock
        self.bar = tqdm(
            desc=f"{stage:<8}",
            total=total_steps * batch_size,
            initial=clock.step * batch_size,
            unit="img",
            unit_scale=True,
            mininterval=0.5 if sys.stderr.isatty() else 10.0,
            dynamic_ncols=True,
        )
        self.bar.set_postfix_str("compiling")

    def on_train_batch_end(self, batch, logs=None):
        if self.bar.postfix == "compiling":
            self.bar.set_postfix_str("", refresh=False)
        self.bar.update(self.clock.step * self.batch_size - self.bar.n)

    def on_epoch_end(self, epoch, logs=None):
        shown = ("loss", "accuracy", "val_accuracy", "val_agreement")
        numbers = {name: f"{logs[name]:.4f}" for name in shown if name in (logs or {})}
        self.bar.set_postfix(numbers, refresh=False)

    def close(self):
        """Ends the bar, also after an error."""
        self.bar.close()
