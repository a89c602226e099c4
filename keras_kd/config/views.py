"""What a stage's config says of the views: a mode's name, its options, and lists of one's own."""

import dataclasses

from keras_kd.config.chain import only_teaches
from keras_kd.data.modality import BOTH, Modality
from keras_kd.data.view import View, parse_mixer
from keras_kd.data.views import Views

# Key of a stage -> which part of `Views` it stands in for, and what reads its text.
OWN = {
    "student_view": ("student", View.parse),
    "teacher_view": ("teacher", View.parse),
    "mix": ("mix", parse_mixer),
}


def views_of(config, settings, path="stage"):
    """What teacher and student see in a stage.

    Args:
        config: ConfigDict of a run.
        settings: the stage's section.
        path: of the section in the config, for messages.

    Returns:
        `keras_kd.data.Views`.

    Raises:
        ValueError: an unknown mode, or a bad text: names the key and what to write.
    """
    try:
        views = Views.of_mode(
            settings.mode,
            flip=config.data.flip,
            crop_area=tuple(config.data.crop_area),
            rc_scale=settings.rc_scale,
            mixup_alpha=settings.mixup_alpha,
        )
    except ValueError as error:
        raise ValueError(f"config.{path}: {error}") from error
    found = {}
    for key, (part, parse) in OWN.items():
        if text := settings[key]:
            _check_goes_with(views, key, text, path, settings.mode)
            found[part] = parse(text, f"config.{path}.{key}")
    if settings.teacher_view and not settings.teachers:
        raise ValueError(
            f"config.{path}.teacher_view must be empty where no teacher looks. Received: "
            f"{path}.teacher_view={settings.teacher_view!r}, and {path}.teachers=(). Empty it, or "
            "name teachers."
        )
    return dataclasses.replace(views, **found)


def seen_in(config, stage):
    """What teacher and student see in a stage, in the modality that each has.

    `data.student_view` is the modality of every network that is more than a teacher: one that only
    teaches sees the images as they are.

    Args:
        config: ConfigDict of a run.
        stage: `keras_kd.config.chain.StageConfig`.

    Returns:
        `keras_kd.data.Views`.

    Raises:
        ValueError: as `views_of`, or teachers of two modalities.
    """
    views = views_of(config, stage.settings, stage.path)
    return dataclasses.replace(views, modality=modality_of(config, stage))


def modality_of(config, stage):
    """The `keras_kd.data.modality.Modality` of a stage, or None where all see images as they are.

    Raises:
        ValueError: as `seen_in`.
    """
    text, paired = config.data.student_view, bool(config.data.student_source)
    modality = Modality.parse(text, "config.data.student_view") if text else Modality(())
    modality = dataclasses.replace(modality, paired=paired)
    if not (text or paired) or only_teaches(config, stage.network):
        return None
    plain = [one.name for one in stage.teachers if only_teaches(config, one.network)]
    if not plain:
        return dataclasses.replace(modality, roles=BOTH)
    if len(plain) < len(stage.teachers):
        others = ", ".join(one.name for one in stage.teachers if one.name not in plain)
        raise ValueError(
            f"The teachers of stage {stage.name!r} must see one modality. Received: "
            f"{', '.join(plain)}, who only teach and see images as they are, and {others}, who see "
            f"data.student_view={text!r} and data.student_source={config.data.student_source!r}. "
            "Follow the ones or the others."
        )
    return modality


def _check_goes_with(views, key, text, path, mode):
    if views.fixed is not None and key != "student_view":
        raise ValueError(
            f"config.{path}.{key} must be empty under mode {mode!r}, whose targets are computed "
            f"once an example: no teacher sees the batch, and none answers to a mixed one. "
            f"Received: {path}.{key}={text!r}. Empty it, or take a mode such as same/ic."
        )
