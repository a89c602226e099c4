"""What one stage of a config may ask for."""

from keras_kd import methods, optimizers
from keras_kd.config import own_optimizers, prolong
from keras_kd.config.rules import STAGE, follow, require, require_length
from keras_kd.config.views import views_of


def check(config, stage):
    """Refuses impossible values of a stage's section.

    Args:
        config: ConfigDict of a run.
        stage: `keras_kd.config.chain.StageConfig`.

    Raises:
        ValueError: names the key, what was received and what to write.
    """
    path, settings = stage.path, stage.settings
    own_optimizers.check(settings, path)
    _check_optimizer(settings, path)
    follow(STAGE, config, path)
    _check_ends(settings, path)
    for learner in settings.optimizers:
        own = f"{path}.optimizers.{learner}"
        of_learner = own_optimizers.settings_of(settings, learner)
        _check_optimizer(of_learner, own)
        _check_ends(of_learner, own)
    prolong.check(config, stage)
    require_length(settings.total, config, f"{path}.total", total=None)
    require_length(settings.warmup, config, f"{path}.warmup", least=0)
    require_length(settings.interval, config, f"{path}.interval")
    for length in settings.decay_at:
        require_length(length, config, f"{path}.decay_at")


def _check_optimizer(settings, path):
    optimizers.make_schedule(settings.schedule, 1.0, 1)
    optimizers.build(settings.optimizer, 1.0, settings.weight_decay)
    try:
        optimizers.build(settings.optimizer, 1.0, options=settings.optimizer_options)
    except (ValueError, TypeError) as error:
        raise ValueError(f"config.{path}.optimizer_options: {error}") from error


def _check_ends(settings, path):
    """Refuses rates at the ends that a schedule has not, or that lie above its peak."""
    peak = settings.learning_rate
    for name in ("first_rate", "last_rate"):
        rate = settings[name]
        if rate and (settings.schedule == "staircase" or rate > peak):
            raise ValueError(
                f"config.{path}.{name} must be at most the learning_rate, and 0 for the schedule "
                f"'staircase'. Received: {path}.{name}={rate!r}, learning_rate={peak!r}, "
                f"schedule={settings.schedule!r}."
            )


def methods_of(settings):
    """New objects of the methods that a stage's section names."""
    return [methods.get(name, **kwargs) for name, kwargs in settings.methods.items()]


def uses_unlabelled(settings):
    """Whether a stage's methods take images with and without labels."""
    return any(method.uses_unlabelled for method in methods_of(settings))


def check_learning(config, stage):
    """Refuses a stage in which nothing moves its network, or nothing is there to follow.

    Args:
        config: ConfigDict of a run.
        stage: `keras_kd.config.chain.StageConfig`.

    Raises:
        ValueError: names the key, what was received and what to write.
    """
    path, settings = stage.path, stage.settings
    chosen = methods_of(settings)
    _check_names(config, stage, chosen)
    if stage.teachers:
        require(chosen, config, f"{path}.methods", "one method at least: it has teachers")
    elif not chosen:
        require(
            settings.label_weight > 0,
            config,
            f"{path}.label_weight",
            "above 0: labels are all that this stage learns from",
        )
    for method in chosen:
        leaves = any(average.get("evaluated", True) for average in method.averages().values())
        require(
            not (settings.ema and leaves),
            config,
            f"{path}.ema",
            f"0 beside the method {method.name!r}, whose average leaves in the student's place "
            "unless it has leaves=False",
        )
        if "teacher" in method.sources and not stage.teachers:
            raise ValueError(
                f"config.{path}.teachers must name one at least. Received: "
                f"{path}.teachers=(), and the method {method.name!r}, which follows a teacher."
            )
    _check_whole_images(config, stage, chosen)
    _check_repeats(config, stage, chosen)
    started = settings.label_weight > 0 or bool(config[stage.network].init)
    require(
        started or any(method.reaches_classifier for method in chosen),
        config,
        f"{path}.label_weight",
        "above 0, or there must be a method that matches the last logits: features and other "
        "heads alone never train the student's classifier",
    )


def _check_repeats(config, stage, chosen):
    """Refuses copies of images in too small a batch, and for methods that keep each image."""
    repeats, path = stage.settings.repeats, f"{stage.path}.repeats"
    most = config.batch_size
    require(repeats <= most, config, path, f"at most the number of rows, batch_size={most}")
    for method in chosen:
        require(
            repeats == 1 or not method.needs_id,
            config,
            path,
            f"1 beside the method {method.name!r}, which knows images by their number: it would "
            "take views of one image for several",
        )


def _check_names(config, stage, chosen):
    """Refuses methods of networks that the stage has not, and further networks without a method.

    Args:
        config: ConfigDict of a run.
        stage: `keras_kd.config.chain.StageConfig`.
        chosen: list of the methods that its section names.
    """
    path, others = stage.path, stage.learners
    brought = [companion for method in chosen for companion in method.companions()]
    taught = {method.learner for method in (*chosen, *brought)}
    for name, arguments in stage.settings.methods.items():
        for role, network in (("learner", "student"), ("source", "teacher")):
            given = arguments.get(role, network)
            known = {network, "student", *others} if others else {network}
            several = given if isinstance(given, list | tuple) else [given]
            words = f"{network!r} or left out: "
            if others:
                words = f"of the stage's networks ({', '.join(sorted(known))}) or left out: "
            require(
                set(several) <= known,
                config,
                f"{path}.methods.{name}.{role}",
                f"{words}a stage trains its network, by the name of student, and config.{path}."
                "learners by their own; its teachers are followed as one, by the name of teacher",
            )
    for name in others:
        require(
            name in taught,
            config,
            f"{path}.learners",
            f"networks that learn by a method: nothing teaches {name!r}. Take it out, or name it "
            "as learner or peer of a method, such as mutual_learning",
        )


def _check_whole_images(config, stage, chosen):
    """Refuses mixed images for methods that keep something of each image."""
    if not views_of(config, stage.settings, stage.path).mixes:
        return
    for method in chosen:
        if method.needs_whole_images:
            path, settings = stage.path, stage.settings
            raise ValueError(
                f"The method {method.name!r} needs images that are not mixed: what it keeps, or "
                f"does not know, belongs to one image. Received: {path}.mode="
                f"{settings.mode!r}, {path}.mix={settings.mix!r}. Set config.{path}.mode='same/ic'"
                f" and config.{path}.mix=''."
            )
