"""Stages whose images a network makes: data-free schemes."""

from keras_kd.config.rules import require
from keras_kd.config.training import methods_of
from keras_kd.config.views import views_of
from keras_kd.methods.phases import MAIN

NONE = "none:"  # how the names of sources without an image begin


def makes_images(settings):
    """Whether the student of a stage sees what a network makes, and no image of the data.

    Args:
        settings: the stage's section of the config.
    """
    phases = [phase for method in methods_of(settings) for phase in method.phases()]
    return any(phase.images for phase in phases if phase.name == MAIN)


def check(config, stage):
    """Refuses what does not go with images that a network makes, or with a source that has none.

    Args:
        config: ConfigDict of a run.
        stage: `keras_kd.config.chain.StageConfig`.

    Raises:
        ValueError: names the key, what was received and what to write.
    """
    path, settings = stage.path, stage.settings
    if not makes_images(settings):
        require(
            not config.data.source.startswith(NONE),
            config,
            "data.source",
            f"a source of images, since the stage {stage.name!r} learns from them. Without any, "
            "take a method whose network makes them: random_noise, dafl, zskt, deep_inversion or "
            "fast_datafree",
        )
        return
    require(
        settings.label_weight == 0,
        config,
        f"{path}.label_weight",
        "0: nobody knows the labels of images that a network makes",
    )
    require(
        views_of(config, settings, path).fixed is None,
        config,
        f"{path}.mode",
        "one in which the teacher runs, such as same/ic: fixed targets belong to the data's images",
    )
    require(
        not config.teacher_cache,
        config,
        "teacher_cache",
        "empty: its targets are those of the data, and here a network makes the images",
    )
    if config.data.source.startswith(NONE):
        require(
            config.data.eval_source,
            config,
            "data.eval_source",
            "the data set of the teacher's classes, on which the student is measured, such as "
            "digits or folder:PATH: the source has no image",
        )
