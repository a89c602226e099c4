"""What a config may not ask for under the modes `fix/*`, whose targets belong to the examples."""

from keras_kd import methods
from keras_kd.config.views import views_of
from keras_kd.data.views import MOST_CROPS


def check(config, need):
    """Refuses settings that do not go with the distillation's mode.

    Args:
        config: ConfigDict of a run.
        need: function `(condition, key, what)` that raises where the condition does not hold.

    Raises:
        ValueError: names the key, what was received and what to write.
    """
    mode = config.distil.mode
    views = views_of(config, config.distil, "distil")
    need(
        1 <= config.distil.fix_crops <= MOST_CROPS,
        "distil.fix_crops",
        f"at least 1 and at most {MOST_CROPS:,}",
    )
    if views.fixed is None:
        return
    need(
        not config.teacher_cache,
        "teacher_cache",
        f"empty: under mode {mode!r} a target belongs to an image, not to a step, and "
        "keras-kd-train computes all of them once (see config.fixed_targets)",
    )
    for name, kwargs in config.distil.methods.items():
        method = methods.get(name, **kwargs)
        need(
            not method.teacher_taps,
            "distil.mode",
            f"one in which the teacher runs: the method {name!r} matches layers of the teacher, "
            "and a fixed target holds its logits only",
        )
        need(
            not (views.averaged and method.needs_raw_logits),
            "distil.mode",
            f"another: the method {name!r} needs the teacher's logits themselves, and a mean over "
            "crops is one of probabilities. Take fix/cc, or a method such as soft_targets",
        )
