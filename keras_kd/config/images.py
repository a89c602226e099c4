"""What a config may not ask for where a student learns from images of another data set."""

from keras_kd.config.rules import require
from keras_kd.config.training import methods_of


def check(config, stage):
    """Refuses what needs labels where those of the images mean nothing.

    Args:
        config: ConfigDict of a run.
        stage: `keras_kd.config.chain.StageConfig`.

    Raises:
        ValueError: names the key and what to write.
    """
    if not config.data.eval_source:
        return
    why = "with data.eval_source, since the labels of data.source mean nothing to the teacher"
    path, settings = stage.path, stage.settings
    if not stage.teachers and path == stage.name:
        require(False, config, f"{path}.enabled", f"False {why}")
    if not stage.teachers:
        network = stage.network
        require(False, config, f"{network}.handle", f"a teacher of eval_source's classes {why}")
    require(settings.label_weight == 0, config, f"{path}.label_weight", f"0 {why}")
    for method in methods_of(settings):
        if method.needs_labels:
            raise ValueError(
                f"config.{path}.methods must do without labels {why}. Received: "
                f"{method.name!r}, which needs them. Choose a method such as soft_targets."
            )
