"""The plan of a run: lengths, schedules and costs of its stages, as numbers and as text."""

from keras_kd.run.streams import sides_of
from keras_kd.run.targets import is_fixed
from keras_kd.training.lengths import make_optimizer


def make_plan(experiment, sizes, further=None):
    """What a run will do.

    Args:
        experiment: a `keras_kd.run.Experiment`.
        sizes: for each of its stages the `keras_kd.models.flops.Size` of the network that learns,
            and of the teacher or None.
        further: dict from a stage's name to the sizes of its further learners by name; None: no
            stage has any.

    Returns:
        dict, see `keras_kd.run.dry_run.dry_run`, without what is measured.

    Raises:
        ValueError: an impossible schedule.
    """
    (student, teacher), further = sizes[-1], further or {}
    return {
        "name": experiment.config.name,
        "images": experiment.streams.pools.of(experiment.last).num_examples,
        "classes": experiment.source.num_classes,
        "teacher": teacher,
        "student": student,
        "networks": _networks(experiment, sizes, further),
        "stages": {
            stage.path: _planned(experiment, stage, *pair, further.get(stage.name, {}))
            for stage, pair in zip(experiment.stages, sizes)
        },
        "targets": {
            stage.path: _targets(experiment, stage, teacher)
            for stage, (_, teacher) in zip(experiment.stages, sizes)
            if is_fixed(experiment.config, stage)
        },
    }


def _targets(experiment, stage, teacher):
    """What a stage's teacher computes once under a mode `fix/*`."""
    views = experiment.streams.fixed_views(stage)
    count = views.num_examples * views.crops
    flops = None if teacher.flops is None else teacher.flops * count
    return {"images": views.num_examples, "crops": views.crops, "views": count, "flops": flops}


def _planned(experiment, stage, learner, teacher, further):
    """The plan of one stage, of the `Size` of its networks."""
    settings, lengths = stage.settings, experiment.lengths_of(stage)
    try:
        make_optimizer(settings, lengths)
    except ValueError as error:
        raise ValueError(f"config.{stage.path}: {error}") from error
    total, batch = lengths.total(settings), lengths.batch_size
    learn = [one.flops for one in (learner, *further.values())]
    # Under `fix/*` it has said all that it has to say before the first step, see `_targets`.
    teaches = teacher.flops if teacher and not is_fixed(experiment.config, stage) else 0
    return {
        "steps": total,
        "epochs": total * batch / lengths.num_examples,
        "warmup": lengths.warmup(settings),
        "interval": lengths.interval(settings),
        "peak": settings.learning_rate,
        # The backward pass takes about two forward passes.
        "student_flops": None if None in learn else 3 * sum(learn) * batch,
        "teacher_flops": None if teaches is None else teaches * batch,
    }


def describe(experiment, plan):
    """The plan: data, networks, and for each stage its length, schedule and cost.

    Args:
        experiment: the `keras_kd.run.Experiment`.
        plan: what `keras_kd.run.dry_run.dry_run` returns.

    Returns:
        str of several lines.
    """
    data, batch = experiment.config.data, experiment.config.batch_size
    lines = [
        f"{plan['name']}: {data.source}, split {data.train_split}: {plan['images']:,} images, "
        f"{plan['classes']} classes"
    ]
    lines += [
        f"{name}: {size.parameters:,} parameters, {_flops(size.flops)} for an image of {side} px"
        for name, (size, side) in plan["networks"].items()
    ]
    for stage in experiment.stages:
        planned, settings = plan["stages"][stage.path], stage.settings
        cost = f"{_flops(planned['student_flops'])} to learn"
        if planned["teacher_flops"] != 0:
            cost += f", {_flops(planned['teacher_flops'])} to teach"
        if stage.path in plan["targets"]:
            lines.append(_told(plan["targets"][stage.path]))
        methods = "".join(f", {name}" for name in settings.methods)
        follows = f" from {', '.join(one.name for one in stage.teachers)}" if stage.teachers else ""
        follows += f", beside {', '.join(stage.learners)}" if stage.learners else ""
        options = ", ".join(f"{key}={value}" for key, value in settings.optimizer_options.items())
        options = options and f" ({options})"
        lines += [
            f"{stage.path}: {planned['steps']:,} steps of {batch:,} images = "
            f"{planned['epochs']:,.1f} epochs, mode {settings.mode}{methods}{follows}",
            f"  {settings.optimizer}{options}: learning rate {planned['peak']:g} after "
            f"{planned['warmup']:,} steps of warm-up, then {settings.schedule} decay; weight decay "
            f"{settings.weight_decay:g}, gradients clipped at {settings.clip:g}",
            f"  a step: {cost}; logs, evaluates and saves every {planned['interval']:,} steps",
        ]
    return "\n".join(lines)


def _networks(experiment, sizes, further):
    """The networks of the run by what they are called: dict of (`Size`, side in px)."""
    config, found = experiment.config, {}
    for stage, (learner, teacher) in zip(experiment.stages, sizes):
        sides = sides_of(config, stage)
        # One that was trained alone stands there already, as the network of its stage.
        if len(stage.teachers) > 1 or any(one.handle for one in stage.teachers):
            names = ",".join(one.handle or one.name for one in stage.teachers)
            found[f"teacher {names}"] = (teacher, sides.teacher)
        model = config[stage.network].model.name or config[stage.network].init
        found[f"{stage.network} {model}"] = (learner, sides.student)
        for name, size in further.get(stage.name, {}).items():
            found[f"{name} {config[name].model.name or config[name].init}"] = (size, sides.student)
    return found


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
        str, a line, and one before it for each stage with targets that are computed once.
    """
    lines = [
        f"targets of {path}: from a second teacher pass of {batch} views, about "
        f"{_duration(targets['seconds'])} for all {targets['views']:,} on this machine"
        for path, targets in plan["targets"].items()
    ]
    return "\n".join([*lines, f"in all: about {_duration(plan['seconds'])} on this machine"])


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
