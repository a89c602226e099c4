"""keras-kd-train --dry_run: builds a run on random images, takes two steps, and tells the plan.

Of the data only names and counts are read, nothing is downloaded, and no file is written.
"""

import itertools
import math
import time

import keras
import numpy as np
import tensorflow as tf

from keras_kd import teachers
from keras_kd.config import trained_stages
from keras_kd.data.fake import FakeSource, fake_source
from keras_kd.evaluation.accuracy import accuracy
from keras_kd.models import bit_resnet, handles
from keras_kd.models.flops import size, size_without_weights
from keras_kd.run import sources as domains
from keras_kd.run import story as run
from keras_kd.run.plan import describe, in_all, make_plan, measured
from keras_kd.run.targets import stand_in
from keras_kd.teachers.load import assemble, published_bit
from keras_kd.training import stage as stages
from keras_kd.training.lengths import make_optimizer

BATCH = 8  # images of the two steps
# What `tiny` makes of a network: one of the same family.
TINY = {
    "bit_resnet": {"depth": (1, 1), "width": 0.125},
    "mobilenet_v3_large": {"alpha": 0.35},
    "mobilenet_v3_small": {"alpha": 0.35},
    "resnet": {"width": 0.25},  # of its depth: methods tap inner layers by name
}
TINY_SIDE = 32


def dry_run(config, tiny=False, progress=lambda line: None):
    """Checks all of a run that can be checked without its data, and measures a step.

    Published BiT weights are not fetched: such a teacher has random ones here. Other handles are
    loaded as the run will load them. Targets that were computed before are not looked at.

    Args:
        config: ConfigDict of a run.
        tiny: takes the two steps with narrow networks of the same families at 32 px; the plan
            stays that of the real ones, and times are not estimated. For tests.
        progress: function that is told, line by line, what is found.

    Returns:
        dict: `name`, `images`, `classes`; `teacher` and `student`, each a
        `keras_kd.models.flops.Size`; and `stages`, from name to a dict of `steps`, `epochs`,
        `warmup` and `interval` (steps), `peak` (learning rate), `student_flops` and
        `teacher_flops` of a step (None where unknown), `loss` after the second step, and, unless
        tiny, `step_seconds` (of a step of the config's batch size, extrapolated from the second
        step) and `seconds` (of all steps). `targets` is None, or under a mode `fix/*` what the
        teacher computes once: `images`, `crops` of each, `views`, their `flops`, and, unless tiny,
        `seconds`, extrapolated from a pass. Unless tiny, `seconds` is the sum over all of these.

    Raises:
        ValueError: whatever a run would refuse before its first step.
        FloatingPointError: a loss that is not finite.
    """
    config = _offline(run.prepare(config))
    source = _source(config, math.ceil(1.25 * max(_sides(config))))
    streams = run.Streams(config, source, with_ids=run.needs_ids(config))
    plan = make_plan(config, streams, *_sizes(config, source, streams))
    progress(describe(config, plan))
    small = _small(config, tiny)
    lengths = run.lengths(config, streams)
    streams = run.Streams(small, source, with_ids=streams.with_ids)
    teacher = _with_an_opinion(_teacher(small, source, streams, tiny))
    for name, stage in plan["stages"].items():
        seconds, stage["loss"] = _two_steps(name, small, source, streams, teacher, lengths)
        if not tiny:
            stage["step_seconds"] = seconds * config.batch_size / small.batch_size
            stage["seconds"] = stage["step_seconds"] * stage["steps"]
        progress(measured(name, stage, small.batch_size, config.batch_size))
    if not tiny:
        if targets := plan["targets"]:
            targets["seconds"] = _view_seconds(small, streams, teacher) * targets["views"]
        parts = [*plan["stages"].values(), *([targets] if targets else [])]
        plan["seconds"] = sum(part["seconds"] for part in parts)
        progress(in_all(plan, small.batch_size))
    progress("A dry run: nothing was written.")
    return plan


def _offline(config):
    """The config without what a dry run must not fetch or read."""
    config.teacher_cache = ""
    for role in (config.teacher, config.student):
        if "weights" in role.model.kwargs:
            _change(role.model.kwargs, {"weights": None})
        if not role.init.startswith("bit:"):
            continue
        entry, role.init = published_bit(role.init), ""
        if not role.model.name:
            role.model.name = "bit_resnet"
            _change(role.model.kwargs, {"depth": entry.depth, "width": entry.width})
    return config


def _source(config, side):
    """Random images in the place of the run's data."""
    data = config.data
    where = (data.data_dir or None, side)
    evaluated = data.eval_source or data.source
    classes = fake_source(evaluated, *where)
    classes.split(data.eval_split)
    if evaluated == data.source:
        return classes
    images = fake_source(data.source, *where)
    domains.check_channels(images, classes)
    data.eval_source, data.eval_split = "", data.train_split
    return FakeSource(images.name, classes.class_names, images.channels, images.counts, side)


def _change(kwargs, values):
    with kwargs.unlocked(), kwargs.ignore_type():
        kwargs.update(values)


def _sides(config):
    """Sides of the student's and of the teacher's images, px."""
    return config.data.resolution, config.data.teacher_resolution or config.data.resolution


def _sizes(config, source, streams):
    """The sizes of teacher and student, as they are in the run."""

    def networks():
        teacher = _teacher(config, source, streams)
        return teacher, run.student_and_methods(config, source, streams, teacher)[0]

    # Weights that are read from a file take their memory in any case.
    return size_without_weights(networks) if _is_random(config) else map(size, networks())


def _small(config, tiny):
    """The config of the two steps."""
    small = config.copy_and_resolve_references()
    small.batch_size = min(BATCH, config.batch_size)
    if small.teacher.engine == "auto":
        small.teacher.engine = "graph"  # without a trial, as in a deterministic run
    if not tiny:
        return small
    for role in (small.teacher, small.student):
        _change(role.model.kwargs, TINY.get(role.model.name, {}))
    if not _is_random(config):
        return small  # what was loaded has its own size
    side, teacher_side = _sides(config)
    small.data.resolution = min(side, TINY_SIDE)
    small.data.teacher_resolution = min(teacher_side, TINY_SIDE)
    if small.teacher.handle:
        scale = small.data.teacher_resolution / teacher_side
        small.teacher.handle = ",".join(
            f"{name}@{max(1, round(own * scale))}" if own else name
            for name, own in handles.members(small.teacher.handle)
        )
    return small


def _is_random(config):
    """Whether no network is loaded from somewhere."""
    handle = config.teacher.handle
    named = [name for name, _ in handles.members(handle)] if handle else []
    named += [role.init for role in (config.teacher, config.student) if role.init]
    return all(name.startswith("bit:") for name in named)


def _teacher(config, source, streams, tiny=False):
    """The run's teacher; published BiT networks have random weights."""
    side = streams.teacher_resolution
    if not config.teacher.handle:
        return run.get_teacher(config, source, streams)

    def make(name, shape):
        if not name.startswith("bit:"):
            reach = tuple(config.teacher.input_range) or None
            return teachers.load(name, source.num_classes, shape, reach)
        entry = published_bit(name, source.num_classes)
        kwargs = TINY["bit_resnet"] if tiny else {"depth": entry.depth, "width": entry.width}
        return bit_resnet(num_classes=entry.num_classes, input_shape=shape, **kwargs)

    members = handles.members(config.teacher.handle)
    return assemble(members, (side, side, source.channels), make)


def _with_an_opinion(teacher):
    """Random heads where they are zeros, as BiT's first are: else nothing could be learned."""
    for weight in teacher.weights:
        if weight.path.endswith("logits/kernel") and not keras.ops.any(weight):
            weight.assign(keras.random.normal(weight.shape, stddev=0.1, seed=0))
    return teacher


def _view_seconds(config, streams, teacher):
    """Seconds that the teacher needs for one view of fixed targets, from its second pass."""
    compiled = tf.function(run.compiled_teacher(config, None, teacher, streams))
    images = streams.fixed_views(config.distil).at(np.arange(config.batch_size))
    for _ in range(2):
        start = time.perf_counter()
        keras.tree.map_structure(keras.ops.convert_to_numpy, compiled(images))
        seconds = time.perf_counter() - start
    return seconds / config.batch_size


def _two_steps(name, config, source, streams, teacher, lengths):
    """Seconds of the second step of a stage, and the loss after it."""
    settings, tutor, chosen = trained_stages(config)[name], None, None
    if name == "distil":
        student, chosen = run.student_and_methods(config, source, streams, teacher)
        tutor = run.compiled_teacher(config, None, teacher, streams)
        stream, _ = streams.together(settings)
        if stored := stand_in(config, streams):
            stream = streams.cached(settings, stored)
    elif name == "baseline":
        student = run.build_student(config, source, streams.resolution)
        stream, _ = streams.alone(settings, streams.resolution)
    else:
        student = teacher
        stream, _ = streams.alone(settings, streams.teacher_resolution)
    kd = stages.model_class(settings)(student, tutor, chosen, settings.label_weight)
    optimizer = make_optimizer(settings, **lengths)
    kd.compile(optimizer, metrics=[accuracy()], jit_compile=stages.JIT[config.xla])
    first, second = itertools.islice(stream(0, 2)[0], 2)
    kd.train_on_batch(*first)
    start = time.perf_counter()
    loss = float(kd.train_on_batch(*second, return_dict=True)["loss"])
    seconds = time.perf_counter() - start
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"Stage '{name}' must have a finite loss on random images. Received: loss={loss}. Look "
            "at its methods' arguments, and at the precision."
        )
    student.trainable = False  # a teacher that has learned
    return seconds, loss
