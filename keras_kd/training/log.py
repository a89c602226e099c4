"""The log of a run: `metrics.jsonl`, one line an interval, and the same for TensorBoard."""

import contextlib
import json

import keras
import tensorflow as tf

from keras_kd.utils.files import write_atomically


class Log(keras.callbacks.Callback):
    """Writes an interval's numbers to `metrics.jsonl` and to TensorBoard, with the step as axis.

    Args:
        workdir: the run's `Workdir`.
        stage: name of the stage.
        batch_size: examples a step, for the rate.
        clock: the stage's `keras_kd.training.clock.Clock`.
        writes: False where another worker writes the files.
    """

    def __init__(self, workdir, stage, batch_size, clock, writes=True):
        super().__init__()
        self.path = workdir / "metrics.jsonl"
        self.stage = stage
        self.batch_size = batch_size
        self.clock = clock
        self.summaries = None
        if writes:
            forget_after(self.path, stage, clock.step)
            folder = str(workdir / "tensorboard" / stage)
            self.summaries = tf.summary.create_file_writer(folder)
        self.entries = [e for e in logged(self.path, stage) if e["step"] <= clock.step]

    @property
    def lacks_interval(self):
        """Whether an interval has ended that is not logged: the run was stopped just there."""
        step = self.clock.step
        return step > 0 and self.clock.at_end and step not in (e["step"] for e in self.entries)

    def on_epoch_end(self, epoch, logs=None):
        if self.clock.at_end:
            self.write(logs or {})

    def write(self, logs):
        """Logs the interval that has just ended.

        Args:
            logs: dict of numbers by name, those of the evaluation with `val_` before it.
        """
        numbers = {name: float(value) for name, value in logs.items()}
        numbers["images_per_second"] = round(self.clock.rate() * self.batch_size, 1)
        numbers |= {name: round(value, 3) for name, value in self.clock.seconds().items()}
        entry = {"stage": self.stage, "step": self.clock.step, **numbers}
        self.entries.append(entry)
        if self.summaries is None:
            return
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        with self.summaries.as_default(step=self.clock.step):
            for name, value in numbers.items():
                tf.summary.scalar(name, value)
        self.summaries.flush()

    def close(self):
        """Ends TensorBoard's file, also after an error."""
        if self.summaries is not None:
            self.summaries.close()

    @property
    def best_step(self):
        """The step of the highest `val_accuracy`, the first of equals; None without any."""
        rated = [e for e in self.entries if "val_accuracy" in e]
        return max(rated, key=lambda e: e["val_accuracy"])["step"] if rated else None


def logged(path, stage=None):
    """The logged intervals of a stage.

    Args:
        path: `metrics.jsonl`; may be missing.
        stage: name of the stage; None: of all.

    Returns:
        list of dicts, oldest first; empty where there is no file.
    """
    return [entry for _, entry in _lines(path) if stage in (None, entry["stage"])]


def forget_after(path, stage, step):
    """Drops lines of a stage beyond a step: a resumed run writes them again.

    Args:
        path: `metrics.jsonl`; may be missing.
        stage: name of the stage.
        step: the step that the run resumes from.
    """
    if not path.exists():
        return
    kept = (line for line, e in _lines(path) if e["stage"] != stage or e["step"] <= step)
    text = "".join(line + "\n" for line in kept)
    write_atomically(path, lambda file: file.write(text.encode()))


def _lines(path):
    """(line, entry) of each line that is one: a run may have been killed in the middle of the last.

    Nor is what another program logged under that name, without a stage and a step, an entry.
    """
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    for line in text.splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            entry = json.loads(line)
            if isinstance(entry, dict) and {"stage", "step"} <= entry.keys():
                yield line, entry
