"""How fast networks are here, on the images of a run: a few steps of each, timed."""

import statistics
import time

import tensorflow as tf

from keras_kd.run.budget.choice import Speed
from keras_kd.run.measuring import Unsaved, endless, timed

STEPS = 8  # timed ones, at the most
ENOUGH = 3.0  # seconds of them


def trial(config, sources, stages, **changes):
    """An `Unsaved` experiment of some stages, on images that were looked at already.

    Args:
        config: ConfigDict of a run.
        sources: (`keras_kd.data.Source` of the classes, further unlabelled one or None).
        stages: names of its stages.
        **changes: of sections: dict of key -> value.
    """
    config = config.copy_and_resolve_references()
    config.stages = stages
    config.budget.settled = True
    for section, values in changes.items():
        config[section].update(values)
    run = Unsaved(config)
    run.source, run.unlabelled = sources
    return run


def student_speed(run):
    """The `Speed` of the learner of a trial's last stage, on labels."""
    began = time.perf_counter()
    stage = run.assemble(run.last)
    return _steps(stage, began)


def teacher_speed(run):
    """The `Speed` of the teacher that the last stage of a trial follows, and its engine.

    Its training is timed where the trial's first stage trains it.
    """
    learners, found = {}, Speed(0.0, 0.0)
    for earlier in run.stages[:-1]:
        began = time.perf_counter()
        learner = run.learner(earlier)
        found = _steps(run.assemble(earlier, learner=learner), began)
        learners[earlier.name] = learner[0]
    images = _views(run)
    opened = time.perf_counter()
    teacher = run.teacher(run.last, learners)
    chosen = run.compiled_teacher(run.last, teacher)
    compiled = tf.function(chosen)
    compiled(images)
    ready = time.perf_counter() - opened
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        compiled(images)
        seconds.append(time.perf_counter() - began)
    return found._replace(view=min(seconds) / len(images), ready=ready), chosen.engine


def _views(run):
    """One batch of what the teacher of the last stage sees."""
    x, _ = next(iter(run.streams.held_out()))
    images = x["teacher"] if isinstance(x, dict) else x
    return images[: run.config.batch_size]


def _steps(stage, began):
    batches = endless(stage.data.train)
    stage.kd.train_on_batch(*next(batches))
    first = time.perf_counter() - began
    timed(stage.kd, batches, 1)
    spent, seconds = 0.0, []
    while len(seconds) < STEPS and (spent < ENOUGH or len(seconds) < 2):
        waits, steps = timed(stage.kd, batches, 1)
        seconds.append(waits[0] + steps[0])
        spent += seconds[-1]
    return Speed(first, statistics.median(seconds))
