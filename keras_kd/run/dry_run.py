"""keras-kd-train --dry_run: builds a run on random images, takes two steps, and tells the plan.

Of the data only names and counts are read, nothing is downloaded, and no file is written.
"""

import itertools
import logging
import math
import time

import keras
import numpy as np
import tensorflow as tf

from keras_kd import models
from keras_kd.config.chain import networks_of, stages_of
from keras_kd.config.keys import sections
from keras_kd.models.flops import size, size_without_weights
from keras_kd.run.budget import settled
from keras_kd.run.experiment import prepare
from keras_kd.run.lines import lines_to
from keras_kd.run.offline import TINY, OfflineExperiment, change, offline, random_source
from keras_kd.run.plan import describe, in_all, make_plan, measured
from keras_kd.run.targets import stand_in
from keras_kd.teachers import kinds
from keras_kd.utils import handles

logger = logging.getLogger(__name__)

BATCH = 8  # images of the two steps
TINY_SIDE = 32


def dry_run(config, tiny=False, progress=None, workdir=None):
    """Checks all of a run that can be checked without its data, and measures a step.

    Published weights are not fetched: such a teacher has random ones here. Other handles are
    loaded as the run will load them. Targets that were computed before are not looked at.

    Args:
        config: ConfigDict of a run.
        tiny: takes the two steps with narrow networks of the same families at 32 px; the plan
            stays that of the real ones, and times are not estimated. For tests.
        progress: function that is told, line by line, what is found, or None.
        workdir: folder of the run, which may hold its plan; or None.

    Returns:
        dict: `name`, `images`, `classes`; `teacher` and `student` of the last stage, each a
        `keras_kd.models.flops.Size`, the teacher None where there is none; and `stages`, from
        each one's path in the config to a dict of `steps`, `epochs`, `warmup` and `interval`
        (steps), `peak` (learning rate), `student_flops` and `teacher_flops` of a step (None
        where unknown), `loss` after the second step, and, unless
        tiny, `step_seconds` (of a step of the config's batch size, extrapolated from the second
        step) and `seconds` (of all steps). `targets` is a dict from the paths of the stages under
        a mode `fix/*` to what their teacher computes once: `images`, `crops` of each, `views`,
        their `flops`, and, unless tiny, `seconds`, extrapolated from a pass. Unless tiny, `seconds`
        is the sum over all of these.

    Raises:
        ValueError: whatever a run would refuse before its first step.
        FloatingPointError: a loss that is not finite.
    """
    with lines_to(progress):
        return _dry_run(offline(settled(prepare(config), workdir, keep=False)), tiny)


def _dry_run(config, tiny):
    source = random_source(config, math.ceil(1.25 * _largest_side(config)))
    run = OfflineExperiment(config, source)
    plan = make_plan(run, *_sizes(config, source))
    logger.info("%s", describe(run, plan))
    small = _small(config, tiny)
    trial = OfflineExperiment(small, source, run.lengths_of, tiny)
    for stage in trial.stages:
        planned = plan["stages"][stage.path]
        seconds, planned["loss"] = _two_steps(trial, stage)
        if not tiny:
            planned["step_seconds"] = seconds * config.batch_size / small.batch_size
            planned["seconds"] = planned["step_seconds"] * planned["steps"]
        logger.info(measured(stage.path, planned, small.batch_size, config.batch_size))
    if not tiny:
        for stage in trial.stages:
            if targets := plan["targets"].get(stage.path):
                targets["seconds"] = _view_seconds(trial, stage) * targets["views"]
        parts = [*plan["stages"].values(), *plan["targets"].values()]
        plan["seconds"] = sum(part["seconds"] for part in parts)
        logger.info(in_all(plan, small.batch_size))
    logger.info("A dry run: nothing was written.")
    return plan


def _largest_side(config):
    """Largest side of what a network of the run sees, px."""
    return max(config.data.resolution, config.data.teacher_resolution)


def _sizes(config, source):
    """The sizes of all networks as they are in the run, as arguments of `make_plan`."""

    def networks():
        run, learners, found = OfflineExperiment(config, source), {}, []
        for stage in run.stages:
            teacher = run.teacher(stage, learners)
            network, _ = run.learner(stage, teacher, learned=learners)
            further = run.further_learners(stage, learners)
            found += [network, *([teacher] if stage.teachers else []), *further.values()]
            learners |= {**further, stage.name: network}
        return tuple(found)

    # Weights that are read from a file take their memory in any case.
    sizes = size_without_weights(networks) if _is_random(config) else map(size, networks())
    sizes, pairs, further = iter(sizes), [], {}
    for stage in stages_of(config):
        pairs.append((next(sizes), next(sizes) if stage.teachers else None))
        further[stage.name] = {name: next(sizes) for name in stage.learners}
    return pairs, further


def _small(config, tiny):
    """The config of the two steps."""
    small = config.copy_and_resolve_references()
    small.batch_size = min(BATCH, config.batch_size)
    small.steps_per_execution = 1
    for network in sections(small, "network"):
        if network.engine == "auto":
            network.engine = "graph"  # without a trial, as in a deterministic run
    if not tiny:
        return small
    for name in networks_of(config):
        model = small[name].model
        change(model.kwargs, TINY.get(model.name, {}))
    if not _is_random(config):
        return small  # what was loaded has its own size
    data = small.data
    data.resolution = min(config.data.resolution, TINY_SIDE)
    data.teacher_resolution = min(config.data.teacher_resolution, TINY_SIDE)
    for network in sections(small, "network"):
        if network.handle:
            network.handle = _scaled(network.handle, config, data)
    for stage in sections(small, "stage"):
        stage.teachers = tuple(
            one if one in small else _scaled(one, config, data) for one in stage.teachers
        )
    return small


def _scaled(handle, config, data):
    """A handle whose members see as much smaller images as the run does."""
    before = config.data.teacher_resolution or config.data.resolution
    scale = (data.teacher_resolution or data.resolution) / before
    return ",".join(
        f"{name}@{max(1, round(own * scale))}" if own else name
        for name, own in handles.members(handle)
    )


def _is_random(config):
    """Whether no network is loaded from somewhere: weights that would be fetched are random.

    One that is made of another looks at the other's weights, which must be there.
    """
    if any(models.wraps(config[name].model.name) for name in networks_of(config)):
        return False
    teachers = [teacher.handle for stage in stages_of(config) for teacher in stage.teachers]
    named = [name for handle in filter(None, teachers) for name, _ in handles.members(handle)]
    named += [config[name].init for name in networks_of(config) if config[name].init]
    return all(kinds.builder(name) is not None for name in named)


def _with_an_opinion(teacher):
    """Random heads where they are zeros, as BiT's first are: else nothing could be learned."""
    for weight in teacher.weights:
        if weight.path.endswith("logits/kernel") and not keras.ops.any(weight):
            weight.assign(keras.random.normal(weight.shape, stddev=0.1, seed=0))
    return teacher


def _view_seconds(run, stage):
    """Seconds that a stage's teacher needs for one view of fixed targets, from its second pass."""
    compiled = tf.function(run.compiled_teacher(stage, run.teacher(stage)))
    images = run.streams.fixed_views(stage).at(np.arange(run.config.batch_size))
    for _ in range(2):
        start = time.perf_counter()
        keras.tree.map_structure(keras.ops.convert_to_numpy, compiled(images))
        seconds = time.perf_counter() - start
    return seconds / run.config.batch_size


def _two_steps(run, stage):
    """Seconds of the second step of a stage, and the loss after it; its network then may teach."""
    teacher = run.teacher(stage)
    if teacher is not None:
        _with_an_opinion(teacher)
    learner = run.learner(stage, teacher)
    assembled = run.assemble(stage, teacher, learner, stored=stand_in(run, stage))
    kd = assembled.kd
    first, second = itertools.islice(assembled.data.train(0, 2)[0], 2)
    kd.train_on_batch(*first)
    start = time.perf_counter()
    loss = float(kd.train_on_batch(*second, return_dict=True)["loss"])
    seconds = time.perf_counter() - start
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"Stage '{stage.path}' must have a finite loss on random images. Received: "
            f"loss={loss}. Look at its methods' arguments, and at the precision."
        )
    run.networks |= {name: kd.learners[name] for name in stage.learners}
    run.networks[stage.name], _ = learner
    for name in (stage.name, *stage.learners):
        run.networks[name].trainable = False  # a teacher that has learned
    return seconds, loss
