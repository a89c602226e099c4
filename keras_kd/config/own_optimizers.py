"""What a stage says of the optimizers of its learners, one by one."""

from keras_kd.utils.names import nearest

# Keys of a stage that a learner may have for itself.
OWN = (
    "optimizer",
    "optimizer_options",
    "schedule",
    "decay_at",
    "warmup",
    "learning_rate",
    "first_rate",
    "last_rate",
    "weight_decay",
    "clip",
)


def settings_of(settings, learner):
    """A stage's settings as they are for one learner's optimizer.

    Args:
        settings: the stage's section of the config.
        learner: name of the learner.

    Returns:
        `settings`, or a copy with what `settings.optimizers` says of this learner.
    """
    if learner not in settings.optimizers:
        return settings
    own = settings.copy_and_resolve_references()
    with own.unlocked():
        own.update(settings.optimizers[learner])
    return own


def check(settings, path):
    """Refuses keys that no optimizer has.

    Args:
        settings: the stage's section of the config.
        path: its dotted path.

    Raises:
        ValueError: names the key, and the nearest that there is.
    """
    for learner, changes in settings.optimizers.items():
        key = f"config.{path}.optimizers.{learner}"
        if not hasattr(changes, "items"):
            raise ValueError(
                f"{key} must be a section, such as {{'learning_rate': 1e-3}}. Received: "
                f"{changes!r}."
            )
        for name in changes:
            if name not in OWN:
                raise ValueError(
                    f"{key} may hold {', '.join(OWN)}. Received: {name}={changes[name]!r}."
                    f"{nearest(name, OWN)}"
                )


def check_names(settings, path, learners):
    """Refuses an optimizer of a learner that the stage has not.

    Args:
        settings: the stage's section of the config.
        path: its dotted path.
        learners: names of the learners.

    Raises:
        ValueError: names the learners.
    """
    for name in settings.optimizers:
        if name not in learners:
            raise ValueError(
                f"config.{path}.optimizers must name learners of this stage: "
                f"{', '.join(learners)}. Received: {name!r}.{nearest(name, learners)}"
            )
