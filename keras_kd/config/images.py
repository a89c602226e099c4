"""What a config may not ask for where a student learns from images without labels of theirs."""

from keras_kd.config.combining import needs_labels
from keras_kd.config.rules import require
from keras_kd.config.training import methods_of
from keras_kd.data.resize import TRAINING, check_kernel


def check(config, stage):
    """Refuses what needs labels where those of the images mean nothing.

    Args:
        config: ConfigDict of a run.
        stage: `keras_kd.config.chain.StageConfig`.

    Raises:
        ValueError: names the key and what to write.
    """
    check_kernel("config.data.resize", config.data.resize, TRAINING)
    _check_foreign(config, stage)
    for key in ("eval_source", "unlabelled"):
        require(
            not (config.data.student_source and config.data[key]),
            config,
            "data.student_source",
            f"empty beside data.{key}, whose images have no second one",
        )
    hiding = [key for key in ("labels_per_class", "unlabelled") if config.data[key]]
    if hiding and stage.teachers:
        why = f"with data.{hiding[0]}, since this stage sees images whose labels it does not"
        _check_needs_none(config, stage, why)


def _check_foreign(config, stage):
    """Refuses what needs labels where `data.source` is of other classes than the teacher's."""
    if not config.data.eval_source:
        return
    why = "with data.eval_source, since the labels of data.source mean nothing to the teacher"
    path = stage.path
    require(not config.data.labels_per_class, config, "data.labels_per_class", f"0 {why}")
    if not stage.teachers and path == stage.name:
        require(False, config, f"{path}.enabled", f"False {why}")
    if not stage.teachers:
        network = stage.network
        require(False, config, f"{network}.handle", f"a teacher of eval_source's classes {why}")
    _check_needs_none(config, stage, why)


def _check_needs_none(config, stage, why):
    """Refuses losses on labels."""
    path, settings = stage.path, stage.settings
    require(settings.label_weight == 0, config, f"{path}.label_weight", f"0 {why}")
    require(
        not needs_labels(settings),
        config,
        f"{path}.combine.name",
        f"one that does without labels, such as 'entropy', {why}",
    )
    for method in methods_of(settings):
        if method.needs_labels:
            raise ValueError(
                f"config.{path}.methods must do without labels {why}. Received: "
                f"{method.name!r}, which needs them. Choose a method such as soft_targets."
            )
