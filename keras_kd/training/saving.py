"""What happens in and around an interval of training: checks, checkpoints, logs, progress."""

import keras

from keras_kd.training.checkpoints import Snapshot, all_finite, assign_running
from keras_kd.utils.signals import Stopped


class TrainingDiverged(RuntimeError):
    """The loss is not finite any more; the last good checkpoint is kept."""


class Save(keras.callbacks.Callback):
    """Saves all that the stage needs to go on, and leaves where a signal asks for it.

    At an interval's end it saves before the evaluation, and with the interval's numbers: a run
    that is stopped in its evaluation only evaluates again.

    Args:
        stage: the `keras_kd.training.stage.Stage`.
        writer: `keras_kd.training.writer.Writer` of its files; None where another worker writes.
        clock: the stage's `Clock`.
        log: the stage's `keras_kd.training.log.Log`, which stands before this in a fit.
        asked: `keras_kd.utils.signals.Asked`.
    """

    def __init__(self, stage, writer, clock, log, asked):
        super().__init__()
        self.stage = stage.name
        self.checkpoints = stage.checkpoints
        self.every = stage.every
        self.running = stage.running
        self.lengths = stage.fixed
        self.keep_at = frozenset(stage.keep_at)
        self.writer = writer
        self.clock = clock
        self.log = log
        self.asked = asked
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
        variables = kd.state()
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
        return list(Snapshot(0, {}, self.running).arrays.values())

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
