"""One training stage: a network, a stream that can start anywhere, and a place to go on from.

The teacher's training, the baseline's and the distillation are the same stage with other
arguments: a teacher learns from labels, a baseline too, a student from its teacher.
"""

import contextlib
import functools
import statistics
import zlib

import tensorflow as tf

from keras_kd.distillation.averaging import Average
from keras_kd.distillation.kd_model import KDModel
from keras_kd.distribution import strategies
from keras_kd.evaluation.accuracy import accuracy
from keras_kd.training import pieces as prolong
from keras_kd.training.clock import Callbacks, Clock
from keras_kd.training.lengths import (
    make_optimizer,
    stage_lengths,
    steps_to_keep,
    unit_sizes,
    whole,
)
from keras_kd.training.log import Log
from keras_kd.training.progress import Progress
from keras_kd.training.saving import Save
from keras_kd.training.writer import Writer
from keras_kd.utils import signals
from keras_kd.utils.lengths import steps

JIT = {"on": True, "off": False, "auto": "auto"}


def train(
    name,
    student,
    settings,
    workdir,
    stream,
    evaluation,
    *,
    num_examples,
    batch_size,
    teacher=None,
    methods=None,
    steps_per_execution=1,
    seed=0,
    xla="auto",
    checkpoint_every="",
    checkpoint_keep=2,
    keep_at=(),
    writes=True,
    tell=lambda line: None,
):
    """Trains `student` in place for the whole stage, from its last checkpoint where there is one.

    A stage that was stopped, at whatever moment, ends with the same weights, optimizer and logged
    numbers as one that was not: all randomness comes from the seed and the step. SIGTERM and
    SIGINT save at the next step and raise `keras_kd.utils.signals.Stopped`.

    Args:
        name: name of the stage, in logs and checkpoints.
        student: Keras model that gives logits.
        settings: the stage's section of the config, see `keras_kd.config.stage`.
        workdir: the run's `Workdir`.
        stream: function `(start, stop) -> (dataset, until)`: training batches of the steps from
            `start` on, of one structure up to step `until`, with start < until <= stop. The
            dataset may go on beyond. `until` is `stop` or a multiple of `steps_per_execution`.
        evaluation: `tf.data.Dataset` to evaluate on after each interval.
        num_examples: training examples an epoch.
        batch_size: examples a step, over all replicas.
        teacher: a Keras model, or None to learn from labels alone.
        methods: list of `keras_kd.methods.Method`; None to learn from labels alone.
        steps_per_execution: as in Keras.
        seed: int, the seed of the run; randomness inside the models depends on it and on `name`.
        xla: whether XLA compiles the step: "on", "off" or "auto".
        checkpoint_every: length between two checkpoints, such as "100 steps"; intervals end with
            one in any case. Rounded up to whole executions.
        checkpoint_keep: how many of the newest checkpoints to keep, at least 1; the best by
            validation accuracy is kept beside them.
        keep_at: lengths from the start, such as "10 percent", whose checkpoints are kept for good.
        writes: False on a worker that leaves files to the chief.
        tell: function that is told, in a line, what was found of an earlier start.

    Returns:
        dict: `steps`, `seconds` and `images_per_second` of training (evaluation and first step
        apart), `first_step_seconds`, and the last evaluation by name.

    Raises:
        TrainingDiverged: the loss is not finite any more.
        Stopped: a signal came; the step is saved.
        ValueError: a warm-up that is longer than the stage, checkpoints of other data or lengths,
            or workers that see different ones.
        OSError: a checkpoint could not be read or written.
    """
    lengths = (num_examples, batch_size, steps_per_execution)
    total, _, interval = stage_lengths(settings, *lengths)
    every = whole(
        max(1, steps(checkpoint_every or interval, **unit_sizes(*lengths[:2], total))),
        steps_per_execution,
    )
    kept = steps_to_keep(keep_at, settings, *lengths)
    checkpoints = workdir.checkpoints(name, checkpoint_keep)
    pieces = prolong.pieces_of(checkpoints, total, settings.prolong)
    kd = model_class(settings)(
        student,
        teacher,
        methods,
        settings.label_weight,
        fidelity=teacher is not None,
        seed=zlib.crc32(f"{seed}/{name}".encode()),
    )
    metric = accuracy()
    kd.compile(
        make_optimizer(settings, *lengths, pieces),
        weighted_metrics=[metric],  # rows that only fill up a batch weigh nothing
        steps_per_execution=steps_per_execution,
        jit_compile=JIT[xla],
    )
    # Keras tells a compiled metric's variables only after the first step.
    running = list({id(v): v for v in [*kd.metrics_variables, *metric.variables]}.values())
    done, meta = checkpoints.restore(kd.state(), running)
    fixed = {"num_examples": num_examples, "total": total, "interval": interval}
    _refuse_other_lengths(name, meta.get("lengths", fixed), fixed, pieces, checkpoints.restored)
    strategy = tf.distribute.get_strategy()
    _refuse_other_workers(name, strategies.gather(strategy, done), checkpoints.folder)
    kd.go_on_from(done)
    result = workdir.result(name)
    if done >= total and result and result["steps"] == total:
        kd.finish()
        tell(_finished(name, result))
        return result
    if done:
        tell(f"{name}: goes on from step {done:,}")
    if writes:
        prolong.record(checkpoints, pieces)
    clock = Clock(done, interval, total, meta.get("times"), prolong.ends(pieces))
    log = Log(workdir, name, batch_size, clock, writes)
    # Another worker may see an older log; the chief's replicas come first.
    lacks_interval = strategies.gather(strategy, int(log.lacks_interval))[0][0]
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.closing(log))
        asked = stack.enter_context(signals.noticed())
        writer = stack.enter_context(Writer(checkpoints.save)) if writes else None
        progress = stack.enter_context(contextlib.closing(Progress(name, total, batch_size, clock)))
        save = Save(name, checkpoints, writer, clock, every, running, log, asked, fixed, kept)
        # Keras resets a compiled metric only once it has seen a batch; this one was restored.
        kd.reset_metrics()
        metric.reset_state()
        if lacks_interval:
            _evaluate_again(kd, evaluation, meta.get("numbers", {}), log, save)
        if checkpoints.restored == checkpoints.path(done):
            save.keep_best()  # the run may have been stopped before it was copied
            save.keep_for_good()
        # The clock first: the others read it.
        callbacks = Callbacks([clock, progress, log, save], add_history=True, model=kd)
        while clock.step < total:
            _fit(kd, stream, evaluation, clock, steps_per_execution, callbacks)
        if writer:
            writer.wait()
    kd.finish()
    result = _summary(log.entries, total)
    if writes:
        workdir.finish(name, result)
    return result


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


def _fit(kd, stream, evaluation, clock, multiple, callbacks):
    """One segment: whole intervals, or what is left of one, of data of one structure."""
    start, interval, stop = clock.step, clock.interval, clock.next_end
    end = min(start - start % interval + interval, stop)
    dataset, until = stream(start, stop if start % interval == 0 else end)
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
    kd.fit(
        dataset,
        shuffle=False,
        steps_per_epoch=length,
        epochs=count,
        validation_data=evaluation if start + length == end else None,
        callbacks=callbacks,
        verbose=0,
    )


def _evaluate_again(kd, evaluation, numbers, log, save):
    """Ends an interval whose steps were saved, but whose evaluation was not logged."""
    save.set_model(kd)
    found = kd.evaluate(evaluation, callbacks=[save], verbose=0, return_dict=True)
    log.write({**numbers, **{f"val_{name}": value for name, value in found.items()}})


def _finished(name, result):
    accuracy = f", {result['accuracy']:.1%}" if "accuracy" in result else ""
    return f"{name}: finished before{accuracy}"


def model_class(settings):
    """What makes a stage's `KDModel`: with `ema` one that averages its student's weights."""
    followers = [Average(settings.ema)] if settings.ema else []
    return functools.partial(KDModel, followers=followers)


def _summary(entries, total):
    rates = [entry["images_per_second"] for entry in entries]
    first = [entry["first_step_seconds"] for entry in entries if "first_step_seconds" in entry]
    last = {name: value for name, value in entries[-1].items() if name.startswith("val_")}
    return {
        "steps": total,
        "seconds": round(sum(entry["seconds"] for entry in entries), 1),
        "images_per_second": statistics.median(rates),
        "first_step_seconds": first[0] if first else None,
        **{name.removeprefix("val_"): value for name, value in last.items()},
    }
