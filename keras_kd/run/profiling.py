"""keras-kd-train --profile: how fast the distillation steps, and how long it waits for data."""

import itertools
import os
import statistics
import time

import tensorflow as tf

from keras_kd.evaluation.accuracy import accuracy
from keras_kd.run import story as run
from keras_kd.run.targets import open_targets, stand_in
from keras_kd.training import stage as stages
from keras_kd.training.lengths import make_optimizer

WARM_UP = 10  # Steps left out: tracing, compiling, filling the prefetch buffer.
_TRACED = 10  # Steps in the trace: more of them make a file that TensorBoard opens slowly.


def profile(config, workdir, num_steps=100):
    """Runs some steps of the distillation as configured, and times data and step apart.

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
    config = run.prepare(config)
    if config.steps_per_execution > 1:
        raise ValueError(
            "--profile times single steps. Received: config.steps_per_execution="
            f"{config.steps_per_execution}. Profile with --config.steps_per_execution=1."
        )
    kd, batches = _stage(config, os.path.join(workdir, "index"))
    start = time.perf_counter()
    kd.train_on_batch(*next(batches))
    first = time.perf_counter() - start
    _timed(kd, batches, WARM_UP - 1)
    waits, steps = _timed(kd, batches, num_steps)
    folder = os.path.join(workdir, "tensorboard", "profile")
    with tf.profiler.experimental.Profile(folder):
        for number in range(_TRACED):
            with tf.profiler.experimental.Trace("distil", step_num=number, _r=1):
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


def _stage(config, index_dir):
    """The compiled distillation and an endless iterator of its batches, for one replica."""
    source = run.load_source(config, index_dir=index_dir)
    streams = run.Streams(config, source, with_ids=run.needs_ids(config))
    teacher = run.get_teacher(config, source, streams)
    student, chosen = run.student_and_methods(config, source, streams, teacher)
    # A teacher that has yet to learn is not the cache's, but as fast.
    targets = open_targets(config, streams, teacher if config.teacher.handle else None)
    targets = targets or stand_in(config, streams)
    stream, _ = streams.together(config.distil)
    if targets is not None:
        stream = streams.cached(config.distil, targets)
    settings = config.distil
    compiled = run.compiled_teacher(config, None, teacher, streams)
    kd = stages.model_class(settings)(student, compiled, chosen, settings.label_weight)
    kd.compile(
        make_optimizer(settings, **run.lengths(config, streams)),
        metrics=[accuracy()],
        jit_compile=stages.JIT[config.xla],
    )
    return kd, _endless(stream)


def _endless(stream):
    """Batches from step 0 on; where a stream ends, as a cache's does, the next one goes on."""
    step = 0
    while True:
        data, until = stream(step, step + 10**6)
        yield from itertools.islice(data, until - step)
        step = until


def _timed(kd, batches, count):
    """Seconds of waiting for data and of stepping, for each of some steps."""
    waits, steps = [], []
    for _ in range(count):
        start = time.perf_counter()
        batch = next(batches)
        ready = time.perf_counter()
        kd.train_on_batch(*batch)  # Returns numbers, and so when the step is done.
        waits.append(ready - start)
        steps.append(time.perf_counter() - ready)
    return waits, steps
