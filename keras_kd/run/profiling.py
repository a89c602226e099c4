"""keras-kd-train --profile: how fast the last stage steps, and how long it waits for data."""

import os
import statistics
import time

import tensorflow as tf

from keras_kd.run.budget import settled
from keras_kd.run.measuring import Unsaved, endless, timed
from keras_kd.run.targets import open_targets, stand_in

WARM_UP = 10  # Steps left out: tracing, compiling, filling the prefetch buffer.
_TRACED = 10  # Steps in the trace: more of them make a file that TensorBoard opens slowly.


def profile(config, workdir, num_steps=100):
    """Runs some steps of the last stage as configured, and times data and step apart.

    Nothing is trained: the models have the weights they start from, and no checkpoint is read or
    written. A trace of the last steps goes to `workdir/tensorboard/profile`; recording it slows
    them down, so they are not among the timed ones. Where the processor that trains is the one
    that decodes, as on a machine without accelerator, decoding slows the step down too: there a
    small share of waiting says that data are ready in time, not that they are free.

    Args:
        config: ConfigDict of a run.
        workdir: folder for the trace.
        num_steps: number of timed steps, at least 1.

    Returns:
        dict: `steps`, `steps_per_second`, `images_per_second`, `step_seconds` (median),
        `waiting` (share in [0, 1] of the time that the step waits for data),
        `first_step_seconds` (the first batch, tracing and compiling included) and `trace`.

    Raises:
        ValueError: an impossible config, or one of several steps per execution.
    """
    experiment = Unsaved(settled(config, workdir), workdir)
    if experiment.config.steps_per_execution > 1:
        raise ValueError(
            "--profile times single steps. Received: config.steps_per_execution="
            f"{config.steps_per_execution}. Profile with --config.steps_per_execution=1."
        )
    stage = _last_stage(experiment)
    kd, batches = stage.kd, endless(stage.data.train)
    start = time.perf_counter()
    kd.train_on_batch(*next(batches))
    first = time.perf_counter() - start
    timed(kd, batches, WARM_UP - 1)
    waits, steps = timed(kd, batches, num_steps)
    folder = os.path.join(workdir, "tensorboard", "profile")
    with tf.profiler.experimental.Profile(folder):
        for number in range(_TRACED):
            with tf.profiler.experimental.Trace(stage.name, step_num=number, _r=1):
                kd.train_on_batch(*next(batches))
    seconds = sum(waits) + sum(steps)
    return {
        "steps": num_steps,
        "steps_per_second": num_steps / seconds,
        "images_per_second": num_steps * config.batch_size / seconds,
        "step_seconds": statistics.median(steps),
        "waiting": sum(waits) / seconds,
        "first_step_seconds": first,
        "trace": folder,
    }


def describe(result):
    """What `profile` found, in lines for a reader."""
    return "\n".join(
        [
            f"{result['steps_per_second']:.2f} steps/s, "
            f"{result['images_per_second']:,.0f} images/s over {result['steps']} steps",
            f"{result['waiting']:.1%} of the time the step waits for data",
            f"{result['first_step_seconds']:.1f} s to the end of the first step",
            f"Trace: tensorboard --logdir={result['trace']}",
        ]
    )


def _last_stage(experiment):
    """The last stage, compiled, with the weights that its networks start from."""
    learners = {}
    for stage in experiment.stages:
        teacher = experiment.teacher(stage, learners)
        learner = experiment.learner(stage, teacher, learned=learners)
        learners[stage.name] = learner[0]
    stored = None
    if teacher is not None:
        # A teacher that has yet to learn is not the cache's, but as fast.
        known = teacher if experiment.has_its_teachers(stage) else None
        stored = open_targets(experiment, stage, known) or stand_in(experiment, stage)
    return experiment.assemble(stage, teacher, learner, stored=stored)
