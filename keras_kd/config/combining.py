"""What a stage's config says of several teachers: how their answers become one's."""

from keras_kd.config.chain import EXTENDING, stages_of
from keras_kd.config.rules import require
from keras_kd.config.training import methods_of
from keras_kd.config.views import views_of
from keras_kd.teachers import combine
from keras_kd.utils import handles


def check(config, stage):
    """Refuses a combination that there is not, or that does not go with its stage.

    Args:
        config: ConfigDict of a run.
        stage: `keras_kd.config.chain.StageConfig` of a stage that has teachers.

    Raises:
        ValueError: names the key, what was received and what to write.
    """
    path, settings = stage.path, stage.settings
    name, arguments = settings.combine.name, settings.combine.kwargs.to_dict()
    try:
        combine.get(name, _count(stage), **arguments)
    except (ValueError, TypeError) as error:
        raise ValueError(f"config.{path}.combine: {error}") from error
    if not combine.kind(name).in_batch:
        return
    require(
        views_of(config, settings, path).fixed is None,
        config,
        f"{path}.combine.name",
        f"one such as 'mean_probabilities' under mode {settings.mode!r}: a target is computed once "
        "an image there, before there are steps and labels",
    )
    for method in methods_of(settings):
        require(
            not method.teacher_taps,
            config,
            f"{path}.combine.name",
            f"one such as 'mean_probabilities' beside the method {method.name!r}, which matches "
            "layers: this one gives logits alone",
        )


def _count(stage):
    """Number of a stage's teachers, those behind one handle counted one by one."""
    return sum(len(handles.members(one.handle)) if one.handle else 1 for one in stage.teachers)


def combination_of(settings):
    """The combination of a stage's teachers as arguments of `keras_kd.teachers.Ensemble`."""
    return {"combine": settings.combine.name, **settings.combine.kwargs.to_dict()}


def drawn_by(stage):
    """What targets depend on beside data and teachers, where a draw decides who teaches: a dict."""
    draws = combine.kind(stage.settings.combine.name).draws
    return {"combine.stage": stage.name} if draws else {}


def needs_labels(settings):
    """Whether a stage's teachers are weighed by labels."""
    return bool(settings.teachers) and combine.kind(settings.combine.name).needs_labels


def may_lack_classes(config, teacher):
    """Whether whom stages follow, or begin as, may know some of the classes only.

    Others know the rest, or who follows it is to learn them.

    Args:
        config: ConfigDict of a run.
        teacher: `keras_kd.config.chain.TeacherConfig`.
    """
    stages = stages_of(config)
    following = [stage for stage in stages if teacher in stage.teachers]
    extended = [stage for stage in stages if stage.made_of == teacher
                and config[stage.network].model.name in EXTENDING]  # fmt: skip
    return bool(following or extended) and all(
        combine.kind(stage.settings.combine.name).some_classes or lets_teachers_lack(stage)
        for stage in following
    )


def lets_teachers_lack(stage):
    """Whether all methods of a stage take a teacher of some of the classes, others unknown.

    Args:
        stage: `keras_kd.config.chain.StageConfig`.
    """
    found = methods_of(stage.settings)
    return bool(found) and all(method.some_classes for method in found)
