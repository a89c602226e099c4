"""One training stage: a network, a stream that can start anywhere, and a place to go on from.

A stage that was stopped, at whatever moment, ends with the same weights, optimizer and logged
numbers as one that was not: all randomness comes from the seed and the step.
"""

import contextlib
import logging
import statistics
import zlib
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from keras_kd.config import own_optimizers
from keras_kd.distillation.averaging import Average
from keras_kd.distillation.kd_model import KDModel
from keras_kd.distribution import strategies
from keras_kd.evaluation.accuracy import accuracy
from keras_kd.training import pieces
from keras_kd.training.clock import Callbacks, Clock
from keras_kd.training.lengths import make_optimizer, steps_to_keep
from keras_kd.training.log import Log
from keras_kd.training.progress import Progress
from keras_kd.training.saving import Save
from keras_kd.training.writer import Writer
from keras_kd.utils import signals

logger = logging.getLogger(__name__)

JIT = {"on": True, "off": False, "auto": "auto"}


class StageData(NamedTuple):
    """What a stage sees.

    Attributes:
        train: function `(start, stop) -> (dataset, until)`: training batches of the steps from
            `start` on, of one structure up to step `until`, with start < until <= stop. The
            dataset may go on beyond. `until` is `stop` or a multiple of `steps_per_execution`.
        evaluation: `tf.data.Dataset` to evaluate on after each interval.
    """

    train: Callable
    evaluation: tf.data.Dataset


class Saving(NamedTuple):
    """Which steps of a stage are saved, as `config.checkpoint` says.

    Attributes:
        every: length between two checkpoints, such as "100 steps"; intervals end with one in any
            case. Rounded up to whole executions. Empty: once an interval.
        keep: how many of the newest to keep, at least 1; the best by validation accuracy is kept
            beside them.
        keep_at: lengths from the start, such as "10 percent", whose checkpoints are kept for good.
    """

    every: str = ""
    keep: int = 2
    keep_at: tuple = ()


def make_model(
    name, settings, student, teacher=None, methods=None, seed=0, learners=None, classes=None
):
    """The `KDModel` of a stage; with `ema` one that averages its student's weights.

    Args:
        name: name of the stage.
        settings: its section of the config, see `keras_kd.config.stage`.
        student: Keras model that gives logits.
        teacher: a Keras model, or None to learn without one.
        methods: list of `keras_kd.methods.Method`; None to learn from labels alone.
        seed: int, the seed of the run; randomness inside the models depends on it and on `name`.
        learners: dict of name to Keras model of further networks that learn; None for none.
        classes: indices of the classes whose images it sees; None or empty: all.
    """
    return KDModel(
        student,
        teacher,
        methods,
        settings.label_weight,
        learners,
        fidelity=teacher is not None,
        seed=seed_of(name, seed),
        followers=[Average(settings.ema)] if settings.ema else [],
        label_classes=classes,
    )


def seed_of(name, seed):
    """The seed of a stage's model: int, of the stage's name and the seed of the run."""
    return zlib.crc32(f"{seed}/{name}".encode())


class Stage:
    """One training stage of a run.

    Args:
        name: name of the stage, in logs and checkpoints.
        settings: its section of the config, see `keras_kd.config.stage`.
        kd: what `make_model` gave; it is compiled here.
        data: `StageData`, or a pair of the same.
        lengths: `keras_kd.training.lengths.Lengths` of the run.
        workdir: the run's `Workdir`; None where nothing is saved, and `train` is not called.
        saving: `Saving`; None for its defaults.
        xla: whether XLA compiles the step: "on", "off" or "auto".

    Raises:
        ValueError: a warm-up that is longer than the stage, or checkpoints to keep beyond it.
    """

    def __init__(self, name, settings, kd, data, lengths, workdir=None, saving=None, xla="auto"):
        self.name = name
        self.settings = settings
        self.kd = kd
        self.data = StageData(*data)
        self.lengths = lengths
        self.workdir = workdir
        saving = saving or Saving()
        self.total = lengths.total(settings)
        self.interval = lengths.interval(settings)
        every = lengths.steps(saving.every, self.total) if saving.every else self.interval
        self.every = lengths.whole_executions(every)
        self.keep_at = steps_to_keep(saving.keep_at, settings, lengths)
        self.checkpoints = workdir and workdir.checkpoints(name, saving.keep)
        self.pieces = [pieces.Piece(0, 0, self.total)]
        if workdir:
            self.pieces = pieces.pieces_of(self.checkpoints, self.total, settings.prolong)
        self._metric = accuracy()
        own_optimizers.check_names(settings, name, list(kd.learners))
        kd.compile(
            {
                learner: make_optimizer(
                    own_optimizers.settings_of(settings, learner),
                    lengths,
                    self.pieces,
                    kd.times(learner),
                )
                for learner in kd.learners
            },
            weighted_metrics=[self._metric],  # rows that only fill up a batch weigh nothing
            steps_per_execution=lengths.steps_per_execution,
            jit_compile=JIT[xla],
        )

    @property
    def fixed(self):
        """What a later start must find equal: a dict, kept in each checkpoint."""
        examples = self.lengths.num_examples
        return {"num_examples": examples, "total": self.total, "interval": self.interval}

    @property
    def running(self):
        """The metrics' variables, which go on from segment to segment."""
        # Keras tells a compiled metric's variables only after the first step.
        variables = [*self.kd.metrics_variables, *self._metric.variables]
        return list({id(v): v for v in variables}.values())

    def train(self):
        """Trains the network in place, from its last checkpoint where there is one, to the end.

        SIGTERM and SIGINT save at the next step and raise `keras_kd.utils.signals.Stopped`.

        Returns:
            dict: `steps`, `seconds` and `images_per_second` of training (evaluation and first step
            apart), `first_step_seconds`, and the last evaluation by name.

        Raises:
            TrainingDiverged: the loss is not finite any more.
            Stopped: a signal came; the step is saved.
            ValueError: checkpoints of other data or lengths, or workers that see different ones.
            OSError: a checkpoint could not be read or written.
        """
        done, meta = self._restore()
        result = self.workdir.result(self.name)
        if done >= self.total and result and result["steps"] == self.total:
            logger.info(_finished(self.name, result))
        else:
            if done:
                logger.info("%s: goes on from step %s", self.name, f"{done:,}")
            result = _summary(self._go_on(done, meta), self.total)
            if self.workdir.writes:
                self.workdir.finish(self.name, result)
        self.kd.finish()
        return result

    def _restore(self):
        """(steps done, what stood in their checkpoint), with the state of that step put back."""
        kd = self.kd
        done, meta = self.checkpoints.restore(kd.state(), self.running)
        saved = meta.get("lengths", self.fixed)
        path = self.checkpoints.restored
        _refuse_other_lengths(self.name, saved, self.fixed, self.pieces, path)
        strategy = tf.distribute.get_strategy()
        found = strategies.gather(strategy, done)
        _refuse_other_workers(self.name, found, self.checkpoints.folder)
        kd.go_on_from(done)
        return done, meta

    def _go_on(self, done, meta):
        """Trains from step `done` to the end; the logged intervals of the whole stage."""
        writes = self.workdir.writes
        if writes:
            pieces.record(self.checkpoints, self.pieces)
        batch_size = self.lengths.batch_size
        ends = pieces.ends(self.pieces)
        clock = Clock(done, self.interval, self.total, meta.get("times"), ends)
        with contextlib.ExitStack() as stack:
            log = Log(self.workdir, self.name, batch_size, clock, writes)
            stack.enter_context(contextlib.closing(log))
            # Another worker may see an older log; the chief's replicas come first.
            strategy = tf.distribute.get_strategy()
            lacks_interval = strategies.gather(strategy, int(log.lacks_interval))[0][0]
            asked = stack.enter_context(signals.noticed())
            writer = stack.enter_context(Writer(self.checkpoints.save)) if writes else None
            progress = Progress(self.name, self.total, batch_size, clock)
            stack.enter_context(contextlib.closing(progress))
            save = Save(self, writer, clock, log, asked)
            # Keras resets a compiled metric only once it has seen a batch; this one was restored.
            self.kd.reset_metrics()
            self._metric.reset_state()
            if lacks_interval:
                self._evaluate_again(meta.get("numbers", {}), log, save)
            if self.checkpoints.restored == self.checkpoints.path(done):
                save.keep_best()  # the run may have been stopped before it was copied
                save.keep_for_good()
            # The clock first: the others read it.
            callbacks = Callbacks([clock, progress, log, save], add_history=True, model=self.kd)
            while clock.step < self.total:
                self._fit(clock, callbacks)
            if writer:
                writer.wait()
            return log.entries

    def _fit(self, clock, callbacks):
        """One segment: whole intervals, or what is left of one, of data of one structure."""
        start, interval, stop = clock.step, clock.interval, clock.next_end
        end = min(start - start % interval + interval, stop)
        dataset, until = self.data.train(start, stop if start % interval == 0 else end)
        multiple = self.lengths.steps_per_execution
        if until != clock.total:
            until -= until % multiple
        if until <= start:
            raise ValueError(
                "A stream must give whole executions. Received: steps from "
                f"{start} to {until} with steps_per_execution={multiple}."
            )
        length, count = min(until, end) - start, 1
        if start + length == end:  # every fit costs an iterator: several intervals share one
            count = max(1, (until - start) // length)
        self.kd.fit(
            dataset,
            shuffle=False,
            steps_per_epoch=length,
            epochs=count,
            validation_data=self.data.evaluation if start + length == end else None,
            callbacks=callbacks,
            verbose=0,
        )

    def _evaluate_again(self, numbers, log, save):
        """Ends an interval whose steps were saved, but whose evaluation was not logged."""
        save.set_model(self.kd)
        evaluation = self.data.evaluation
        found = self.kd.evaluate(evaluation, callbacks=[save], verbose=0, return_dict=True)
        log.write({**numbers, **{f"val_{name}": value for name, value in found.items()}})


def _refuse_other_lengths(name, there, here, pieces, path):
    if there["total"] in [piece.stop for piece in pieces[:-1]]:
        # Saved before the stage was prolonged; its interval may be a share of the total.
        here = {**there, "num_examples": here["num_examples"]}
    if there != here:
        differing = [key for key in here if there.get(key) != here[key]]
        found = ", ".join(f"{key}={there.get(key)} there, {here[key]} here" for key in differing)
        raise ValueError(
            f"Stage '{name}' goes on only with the data and lengths it began with. Received: "
            f"{found}, for the checkpoint {path}. Bring back the data, or choose another --workdir."
        )


def _refuse_other_workers(name, gathered, folder):
    found = [done for (done,) in gathered]
    if len(set(found)) > 1:
        raise ValueError(
            f"All workers must go on from the same step. Received: steps {found} of stage "
            f"'{name}', one a replica, from {folder}. Look for damage, or a --workdir that not all "
            "share."
        )


def _finished(name, result):
    accuracy = f", {result['accuracy']:.1%}" if "accuracy" in result else ""
    return f"{name}: finished before{accuracy}"


def _summary(entries, total):
    rates = [entry["images_per_second"] for entry in entries]
    first = [entry["first_step_seconds"] for entry in entries if "first_step_seconds" in entry]
    last = {name: value for name, value in entries[-1].items() if name.startswith("val_")}
    return {
        "steps": total,
        "seconds": round(sum(entry["seconds"] for entry in entries), 3),
        "images_per_second": statistics.median(rates),
        "first_step_seconds": first[0] if first else None,
        **{name.removeprefix("val_"): value for name, value in last.items()},
    }
