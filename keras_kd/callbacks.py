"""What happens at the end of an interval of training: checks, checkpoints, logs, progress."""

import json
import sys
import time

import keras
import tensorflow as tf
from tqdm import tqdm

from keras_kd.checkpoint import write_atomically


class TrainingDiverged(RuntimeError):
    """The loss is not finite any more; the last good checkpoint is kept."""


class Clock(keras.callbacks.Callback):
    """Counts the stage's steps over all its starts and fits; the other callbacks read it.

    Args:
        first_step: steps done before this start.
    """

    def __init__(self, first_step=0):
        super().__init__()
        self.first_step = first_step
        self.step = first_step
        self.interval_began = first_step

    def on_epoch_begin(self, epoch, logs=None):
        self.interval_began = self.step

    def on_train_batch_end(self, batch, logs=None):
        # Keras counts from 0 within the interval, and leaps with steps_per_execution.
        self.step = self.interval_began + batch + 1


class StopWhenNotFinite(keras.callbacks.Callback):
    """Stops the run at the end of the interval in which the loss went bad, naming the step.

    The check itself happens on the device, so no step waits for it.

    Args:
        stage: name of the stage, for the error.
        checkpoints: `keras_kd.checkpoint.Checkpoints` of the stage.
        clock: the stage's `Clock`.
    """

    def __init__(self, stage, checkpoints, clock):
        super().__init__()
        self.stage = stage
        self.checkpoints = checkpoints
        self.clock = clock

    def on_epoch_end(self, epoch, logs=None):
        bad = self.model.first_bad_step
        if bad is not None:
            bad += self.clock.first_step
        elif not _all_finite(self.model.variables):
            bad = self.clock.step  # the last update broke the weights; its loss was still good
        else:
            return
        good = self.checkpoints.steps()
        kept = f"{self.checkpoints.path(good[-1])} (step {good[-1]})" if good else "none yet"
        raise TrainingDiverged(
            f"The loss of stage '{self.stage}' is not finite from step {bad} on (counted from 0). "
            f"Last good checkpoint: {kept}. Lower the learning rate, clip the gradients "
            "(clip=1.0) or look at the data; then start in a new --workdir."
        )


def _all_finite(variables):
    floats = [v.value for v in variables if "float" in str(v.dtype)]
    return all(bool(tf.reduce_all(tf.math.is_finite(value))) for value in floats)


class Checkpoint(keras.callbacks.Callback):
    """Saves the model's and the optimizer's variables after every interval.

    Args:
        checkpoints: `keras_kd.checkpoint.Checkpoints` of the stage.
        clock: the stage's `Clock`.
    """

    def __init__(self, checkpoints, clock):
        super().__init__()
        self.checkpoints = checkpoints
        self.clock = clock

    def on_epoch_end(self, epoch, logs=None):
        variables = [*self.model.variables, *self.model.optimizer.variables]
        self.checkpoints.save(self.clock.step, variables)


class Log(keras.callbacks.Callback):
    """Writes an interval's numbers to `metrics.jsonl` and to TensorBoard, with the step as axis.

    Args:
        workdir: the run's `Workdir`.
        stage: name of the stage.
        batch_size: examples a step, for the rate.
        clock: the stage's `Clock`.
    """

    def __init__(self, workdir, stage, batch_size, clock):
        super().__init__()
        self.path = workdir / "metrics.jsonl"
        self.writer = tf.summary.create_file_writer(str(workdir / "tensorboard" / stage))
        self.stage = stage
        self.batch_size = batch_size
        self.clock = clock

    def on_epoch_begin(self, epoch, logs=None):
        self.began, self.evaluating = time.monotonic(), 0.0

    def on_test_begin(self, logs=None):
        self.evaluation_began = time.monotonic()

    def on_test_end(self, logs=None):
        self.evaluating += time.monotonic() - self.evaluation_began

    def on_epoch_end(self, epoch, logs=None):
        step = self.clock.step
        seconds = time.monotonic() - self.began - self.evaluating
        rate = (step - self.clock.interval_began) * self.batch_size / seconds
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        numbers |= {"images_per_second": round(rate, 1), "seconds": round(seconds, 3)}
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"stage": self.stage, "step": step, **numbers}) + "\n")
        with self.writer.as_default(step=step):
            for name, value in numbers.items():
                tf.summary.scalar(name, value)
        self.writer.flush()


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

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update(self.clock.step * self.batch_size - self.bar.n)

    def on_epoch_end(self, epoch, logs=None):
        shown = ("loss", "accuracy", "val_accuracy", "val_agreement")
        numbers = {name: f"{logs[name]:.4f}" for name in shown if name in (logs or {})}
        self.bar.set_postfix(numbers, refresh=False)

    def close(self):
        """Ends the bar, also after an error."""
        self.bar.close()


def logged(path, stage):
    """The logged intervals of a stage.

    Args:
        path: `metrics.jsonl`.
        stage: name of the stage.

    Returns:
        list of dicts, oldest first.
    """
    entries = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [entry for entry in entries if entry["stage"] == stage]


def forget_after(path, stage, step):
    """Drops lines of a stage beyond a step: a resumed run writes them again.

    Args:
        path: `metrics.jsonl`; may be missing.
        stage: name of the stage.
        step: the step that the run resumes from.
    """
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue  # the run was killed in the middle of this line
        if entry["stage"] != stage or entry["step"] <= step:
            kept.append(line)
    text = "".join(line + "\n" for line in kept)
    write_atomically(path, lambda file: file.write(text.encode()))
