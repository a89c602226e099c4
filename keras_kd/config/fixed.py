"""What a config may not ask for under the modes `fix/*`, whose targets belong to the examples."""

from keras_kd.config.chain import last_stage
from keras_kd.config.rules import require
from keras_kd.config.training import methods_of
from keras_kd.config.views import views_of
from keras_kd.data.views import MOST_CROPS


def check(config, stage):
    """Refuses settings that do not go with a stage's mode.

    Args:
        config: ConfigDict of a run.
        stage: `keras_kd.config.chain.StageConfig` of a stage that has teachers.

    Raises:
        ValueError: names the key, what was received and what to write.
    """
    path, settings = stage.path, stage.settings
    mode = settings.mode
    views = views_of(config, settings, path)
    require(
        1 <= settings.fix_crops <= MOST_CROPS,
        config,
        f"{path}.fix_crops",
        f"at least 1 and at most {MOST_CROPS:,}",
    )
    if views.fixed is None:
        return
    require(
        not config.teacher_cache or stage.name != last_stage(config).name,
        config,
        "teacher_cache",
        f"empty: under mode {mode!r} a target belongs to an image, not to a step, and "
        "keras-kd-train computes all of them once (see config.fixed_targets)",
    )
    for method in methods_of(settings):
        require(
            not method.teacher_taps,
            config,
            f"{path}.mode",
            f"one in which the teacher runs: the method {method.name!r} matches layers of the "
            "teacher, and a fixed target holds its logits only",
        )
        require(
            not (views.averaged and method.needs_raw_logits),
            config,
            f"{path}.mode",
            f"another: the method {method.name!r} needs the teacher's logits themselves, and a "
            "mean over crops is one of probabilities. Take fix/cc, or a method such as "
            "soft_targets",
        )
