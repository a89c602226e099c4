"""One training stage: a network, a stream that can start anywhere, and a place to go on from.

The teacher's training, the baseline's and the distillation are the same stage with other
arguments: a teacher learns from labels, a baseline too, a student from its teacher.
"""

import statistics

from keras_kd import optimizers
from keras_kd.callbacks import (
    Checkpoint,
    Clock,
    Log,
    Progress,
    StopWhenNotFinite,
    forget_after,
    logged,
)
from keras_kd.config import steps
from keras_kd.evaluation.accuracy import accuracy
from keras_kd.kd_model import KDModel


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
):
    """Trains `student` in place for the whole stage, from its last checkpoint where there is one.

    Args:
        name: name of the stage, in logs and checkpoints.
        student: Keras model that gives logits.
        settings: the stage's section of the config, see `keras_kd.config.stage`.
        workdir: the run's `Workdir`.
        stream: function `start_step -> tf.data.Dataset` of training batches without end.
        evaluation: `tf.data.Dataset` to evaluate on after each interval.
        num_examples: training examples an epoch.
        batch_size: examples a step, over all replicas.
        teacher: a Keras model, or None to learn from labels alone.
        methods: list of `keras_kd.methods.Method`; None to learn from labels alone.
        steps_per_execution: as in Keras.

    Returns:
        dict: `steps`, `seconds` and `images_per_second` of training (evaluation apart), and the
        last evaluation by name.

    Raises:
        TrainingDiverged: the loss is not finite any more.
        ValueError: a warm-up that is longer than the stage.
    """
    lengths = (num_examples, batch_size, steps_per_execution)
    total, _, interval = _lengths(settings, *lengths)
    kd = KDModel(student, teacher, methods, settings.label_weight, fidelity=teacher is not None)
    optimizer = make_optimizer(settings, *lengths)
    kd.compile(optimizer, metrics=[accuracy()], steps_per_execution=steps_per_execution)
    checkpoints = workdir.checkpoints(name)
    done, _ = checkpoints.restore([*kd.variables, *kd.optimizer.variables])
    if done >= total and workdir.result(name):
        return workdir.result(name)
    forget_after(workdir / "metrics.jsonl", name, done)
    clock = Clock(first_step=done)
    progress = Progress(name, total, batch_size, clock)
    callbacks = [
        clock,  # first: the others read it
        StopWhenNotFinite(name, checkpoints, clock),
        progress,
        Log(workdir, name, batch_size, clock),
        Checkpoint(checkpoints, clock),
    ]
    try:
        while done < total:
            # Whole intervals first; a shorter last one may follow.
            length = min(interval, total - done)
            intervals = (total - done) // length
            kd.fit(
                stream(done),
                shuffle=False,
                steps_per_epoch=length,
                epochs=intervals,
                validation_data=evaluation,
                callbacks=callbacks,
                verbose=0,
            )
            done += intervals * length
    finally:
        progress.close()
    result = _summary(logged(workdir / "metrics.jsonl", name), total)
    workdir.finish(name, result)
    return result


def make_optimizer(settings, num_examples, batch_size, steps_per_execution=1):
    """The optimizer of a stage, with its schedule in steps.

    Args:
        settings: the stage's section of the config.
        num_examples: training examples an epoch.
        batch_size: examples a step, over all replicas.
        steps_per_execution: as in Keras.

    Returns:
        a `keras.optimizers.Optimizer`.

    Raises:
        ValueError: a warm-up that is longer than the stage, or an impossible rate.
    """
    total, warmup, _ = _lengths(settings, num_examples, batch_size, steps_per_execution)
    return optimizers.build(
        settings.optimizer,
        settings.learning_rate,
        total,
        warmup,
        weight_decay=settings.weight_decay,
        clip=settings.clip,
    )


def _lengths(settings, num_examples, batch_size, steps_per_execution):
    """(total, warm-up, interval) of a stage in steps, whole executions each but the warm-up."""

    def count(length, total=None):
        return steps(length, batch_size=batch_size, num_examples=num_examples, total=total)

    total = _whole(max(1, count(settings.total)), steps_per_execution)
    interval = _whole(max(1, count(settings.interval, total)), steps_per_execution)
    return total, count(settings.warmup, total), interval


def _whole(count, multiple):
    """`count` rounded up: with several steps per execution Keras runs only whole executions."""
    return -(-count // multiple) * multiple


def _summary(entries, total):
    rates = [entry["images_per_second"] for entry in entries]
    last = {name: value for name, value in entries[-1].items() if name.startswith("val_")}
    return {
        "steps": total,
        "seconds": round(sum(entry["seconds"] for entry in entries), 1),
        "images_per_second": statistics.median(rates),
        **{name.removeprefix("val_"): value for name, value in last.items()},
    }
