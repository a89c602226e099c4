"""What one stage of a config may ask for."""

import math

from keras_kd import optimizers
from keras_kd.config import prolong
from keras_kd.utils.lengths import steps


def check(name, settings, need):
    """Refuses impossible values of a stage's section.

    Args:
        name: path of the section in the config.
        settings: the section.
        need: function `(condition, key, what)` that raises where the condition does not hold.

    Raises:
        ValueError: names the key, what was received and what to write.
    """
    optimizers.make_schedule(settings.schedule, 1.0, 1)
    optimizers.build(settings.optimizer, 1.0, settings.weight_decay)
    try:
        optimizers.build(settings.optimizer, 1.0, options=settings.optimizer_options)
    except (ValueError, TypeError) as error:
        raise ValueError(f"config.{name}.optimizer_options: {error}") from error
    need(0 < settings.learning_rate < math.inf, f"{name}.learning_rate", "finite and above 0")
    need(0 <= settings.weight_decay < 1, f"{name}.weight_decay", "at least 0 and below 1")
    need(settings.clip >= 0, f"{name}.clip", "at least 0 (0 for none)")
    need(0 <= settings.ema < 1, f"{name}.ema", "at least 0 (0 for none) and below 1")
    prolong.check(name, settings)
    need(
        math.isfinite(settings.label_weight) and settings.label_weight >= 0,
        f"{name}.label_weight",
        "finite and at least 0",
    )
    need(0 < settings.mixup_alpha < math.inf, f"{name}.mixup_alpha", "finite and above 0")
    need(1 <= settings.rc_scale < math.inf, f"{name}.rc_scale", "finite and at least 1")
    durations = [(key, settings[key]) for key in ("total", "warmup", "interval")]
    for key, length in (*durations, *(("decay_at", length) for length in settings.decay_at)):
        total = None if key == "total" else 1000
        try:
            count = steps(length, batch_size=1, num_examples=1000, total=total)
        except ValueError as error:
            raise ValueError(f"config.{name}.{key}: {error}") from error
        need(count > 0 or key == "warmup", f"{name}.{key}", "longer than nothing")
