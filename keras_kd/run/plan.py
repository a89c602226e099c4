"""The plan of a run: lengths, schedules and costs of its stages, as numbers and as text."""

from keras_kd.config import trained_stages
from keras_kd.config.views import views_of
from keras_kd.run import story as run
from keras_kd.training.lengths import make_optimizer, stage_lengths


def make_plan(config, streams, teacher, student):
    """What a run will do.

    Args:
        config: ConfigDict of the run.
        streams: the run's `Streams`.
        teacher: `keras_kd.models.flops.Size` of the teacher.
        student: that of the student.

    Returns:
        dict, see `keras_kd.run.dry_run.dry_run`, without what is measured.

    Raises:
        ValueError: an impossible schedule.
    """
    # In the order in which a run trains them.
    planned = {
        name: _planned(name, settings, config, streams, teacher.flops, student.flops)
        for name, settings in reversed(trained_stages(config).items())
    }
    return {
        "name": config.name,
        "images": streams.num_examples,
        "classes": streams.source.num_classes,
        "teacher": teacher,
        "student": student,
        "stages": planned,
        "targets": _targets(config, streams, teacher.flops),
    }


def _targets(config, streams, teacher):
    """What the teacher computes once under a mode `fix/*`; None in other modes."""
    if views_of(config, config.distil).fixed is None:
        return None
    views = streams.fixed_views(config.distil)
    count = views.num_examples * views.crops
    flops = None if teacher is None else teacher * count
    return {"images": views.num_examples, "crops": views.crops, "views": count, "flops": flops}


def _planned(name, settings, config, streams, teacher, student):
    """The plan of one stage; `teacher` and `student` are the FLOPs of one image, or None."""
    lengths = run.lengths(config, streams)
    try:
        make_optimizer(settings, **lengths)
    except ValueError as error:
        raise ValueError(f"config.{name}: {error}") from error
    total, warmup, interval = stage_lengths(settings, **lengths)
    batch = config.batch_size
    learner = teacher if name == "teacher.train" else student
    # Under `fix/*` it has said all that it has to say before the first step, see `_targets`.
    taught = name == "distil" and views_of(config, settings).fixed is None
    tutor = teacher if taught else 0
    return {
        "steps": total,
        "epochs": total * batch / streams.num_examples,
        "warmup": warmup,
        "interval": interval,
        "peak": settings.learning_rate,
        # The backward pass takes about two forward passes.
        "student_flops": None if learner is None else 3 * learner * batch,
        "teacher_flops": None if tutor is None else tutor * batch,
    }


def describe(config, plan):
    """The plan: data, networks, and for each stage its length, schedule and cost.

    Args:
        config: ConfigDict of the run.
        plan: what `keras_kd.run.dry_run.dry_run` returns.

    Returns:
        str of several lines.
    """
    data = config.data
    lines = [
        f"{plan['name']}: {data.source}, split {data.train_split}: {plan['images']:,} images, "
        f"{plan['classes']} classes"
    ]
    own, teacher_side = data.resolution, data.teacher_resolution or data.resolution
    for role, name, side in (
        ("teacher", config.teacher.handle or config.teacher.model.name, teacher_side),
        ("student", config.student.model.name, own),
    ):
        size = plan[role]
        lines.append(
            f"{role} {name}: {size.parameters:,} parameters, "
            f"{_flops(size.flops)} for an image of {side} px"
        )
    for name, stage in plan["stages"].items():
        settings = config.teacher.train if name == "teacher.train" else config[name]
        cost = f"{_flops(stage['student_flops'])} to learn"
        if stage["teacher_flops"] != 0:
            cost += f", {_flops(stage['teacher_flops'])} to teach"
        if name == "distil" and plan["targets"]:
            lines.append(_told(plan["targets"]))
        methods = f", {', '.join(config.distil.methods)}" if name == "distil" else ""
        options = ", ".join(f"{key}={value}" for key, value in settings.optimizer_options.items())
        options = options and f" ({options})"
        lines += [
            f"{name}: {stage['steps']:,} steps of {config.batch_size:,} images = "
            f"{stage['epochs']:,.1f} epochs, mode {settings.mode}{methods}",
            f"  {settings.optimizer}{options}: learning rate {stage['peak']:g} after "
            f"{stage['warmup']:,} steps of warm-up, then {settings.schedule} decay; weight decay "
            f"{settings.weight_decay:g}, gradients clipped at {settings.clip:g}",
            f"  a step: {cost}; logs, evaluates and saves every {stage['interval']:,} steps",
        ]
    return "\n".join(lines)


def _told(targets):
    crops = "1 crop" if targets["crops"] == 1 else f"{targets['crops']:,} crops"
    return (
        f"targets: {targets['images']:,} images x {crops} = {targets['views']:,} views that the "
        f"teacher sees once, {_flops(targets['flops'])}, unless they are stored already"
    )


def in_all(plan, batch):
    """How long a whole run takes, of a plan whose parts were measured.

    Args:
        plan: what `keras_kd.run.dry_run.dry_run` returns.
        batch: images of the measured teacher pass.

    Returns:
        str, a line or two.
    """
    lines = [f"in all: about {_duration(plan['seconds'])} on this machine"]
    if targets := plan["targets"]:
        lines.insert(
            0,
            f"targets: from a second teacher pass of {batch} views, about "
            f"{_duration(targets['seconds'])} for all {targets['views']:,} on this machine",
        )
    return "\n".join(lines)


def measured(name, stage, batch, real_batch):
    """What the two steps of a stage showed.

    Args:
        name: name of the stage.
        stage: its part of the plan.
        batch: images of the steps that were taken.
        real_batch: images of the run's steps.

    Returns:
        str, a line.
    """
    taken = f"{name}: two steps of {batch} random images taken, loss {stage['loss']:.3g}"
    if "seconds" not in stage:
        return f"{taken}, with tiny networks: no estimate of time"
    return (
        f"{taken}; from the second, about {_duration(stage['step_seconds'])} for a step of "
        f"{real_batch:,} images and {_duration(stage['seconds'])} for all steps on this machine"
    )


def _flops(count):
    """ "1.5 GFLOPs"."""
    if count is None:
        return "unknown FLOPs"
    for unit in ("", "k", "M", "G", "T"):
        if count < 1000:
            return f"{count:.3g} {unit}FLOPs"
        count /= 1000
    return f"{count:,.3g} PFLOPs"


def _duration(seconds):
    for length, unit in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:.2g} s"
