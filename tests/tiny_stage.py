"""The smallest stage, from which the tests of stages start: 14 steps in intervals of 6."""

import numpy as np
import tensorflow as tf

from keras_kd.config import base
from keras_kd.data import assembly
from keras_kd.methods import SoftTargets
from keras_kd.run.workdir import Workdir
from keras_kd.training import log as metrics_log
from keras_kd.training.checkpoints import DIGEST, META, Checkpoints
from keras_kd.training.lengths import Lengths
from keras_kd.training.stage import Saving, Stage, make_model
from keras_kd.training.writer import Writer

TIMINGS = ("seconds", "images_per_second", "first_step_seconds")


def images(step):
    """The batch of a step: eight vectors of four numbers, and their classes."""
    x = tf.random.stateless_normal([8, 4], [7, step], mean=0.5)
    return x, tf.cast(tf.argmax(x[:, :3], axis=1), tf.int32)


def untuned(data):
    """With keras-kd's options: without, an iterator that is given up may wait for a minute."""
    return data.with_options(assembly.options())


def steps_from(start, batch=images):
    return untuned(tf.data.Dataset.counter(start).map(batch))


def endless(start, stop):
    return steps_from(start), stop


def evaluation():
    x = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
    return untuned(tf.data.Dataset.from_tensor_slices((x, x[:, :3].argmax(1))).batch(5))


def train(folder, student, teacher, settings, stream=endless, **changes):
    """Trains `student` by `settings`, saved every 2 steps."""
    workdir = Workdir(folder, base())
    workdir.writes = changes.pop("writes", True)
    examples = changes.pop("num_examples", 64)
    lengths = Lengths(examples, 8, changes.pop("steps_per_execution", 1))
    every, keep = changes.pop("every", "2 steps"), changes.pop("keep", 2)
    saving = Saving(every, keep, changes.pop("keep_at", ()))
    kd = make_model("distil", settings, student, teacher, [SoftTargets()])
    data = (stream, evaluation())
    return Stage("distil", settings, kd, data, lengths, workdir, saving, **changes).train()


def outcome(folder, step=14):
    """All that must be equal: a checkpoint's arrays, and the log without its timings."""
    arrays = arrays_of(Checkpoints(folder / "checkpoints" / "distil").path(step))
    entries = metrics_log.logged(folder / "metrics.jsonl", "distil")
    return arrays, [{k: v for k, v in e.items() if k not in TIMINGS} for e in entries]


def arrays_of(path):
    """The arrays of a checkpoint, by their names."""
    with np.load(path) as saved:
        return {key: saved[key] for key in saved.files if key not in (META, DIGEST)}


def assert_same(a, b):
    """Compares two outcomes to the bit."""
    assert a[1] == b[1]
    assert a[0].keys() == b[0].keys()
    for key, value in a[0].items():
        np.testing.assert_array_equal(value, b[0][key])


def write_all(monkeypatch):
    """Lets every checkpoint be written: none gives way to a newer one."""
    submit = Writer.submit

    def submit_and_wait(self, snapshot):
        submit(self, snapshot)
        self.wait()

    monkeypatch.setattr(Writer, "submit", submit_and_wait)


def stop_after(monkeypatch, step=None, stage=None):
    """Ends the process, as it were, when this step is saved; by default the first of any stage."""
    save = Checkpoints.save

    def save_and_stop(self, snapshot):
        save(self, snapshot)
        if step in (None, snapshot.step) and stage in (None, self.folder.name):
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", save_and_stop)
    write_all(monkeypatch)
