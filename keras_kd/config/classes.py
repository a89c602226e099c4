"""Stages that see images of some classes only."""

from keras_kd.config.made_images import makes_images
from keras_kd.config.rules import require
from keras_kd.config.training import uses_unlabelled


def check(config, stage):
    """Refuses a choice of classes where nobody knows the images' classes.

    Which classes there are is known once the data are, see `keras_kd.data.chosen_classes`.

    Args:
        config: ConfigDict of a run.
        stage: `keras_kd.config.chain.StageConfig`.

    Raises:
        ValueError: names the key, what was received and what to write.
    """
    path, settings = stage.path, stage.settings
    if not len(settings.classes):
        return
    hides = bool(stage.teachers) or uses_unlabelled(settings)
    for key, hidden in (
        ("eval_source", config.data.eval_source),
        ("unlabelled", config.data.unlabelled and hides),
        ("labels_per_class", config.data.labels_per_class and hides),
    ):
        require(
            not hidden,
            config,
            f"{path}.classes",
            f"empty with data.{key}: images are chosen by their labels, which this stage does not "
            "see there",
        )
    require(
        not makes_images(settings),
        config,
        f"{path}.classes",
        "empty where a network makes the images, of no known class",
    )
