"""How the student learns: recipe-faithful optimizers and schedules.

`make_schedule` and `build` make them from what a config says: names, a peak rate, lengths.
"""

import keras

from keras_kd.optimizers import options as options_of
from keras_kd.optimizers.adamw import AdamW
from keras_kd.optimizers.schedules import SCHEDULES, WarmupCosine, WarmupQuadratic, WarmupStaircase
from keras_kd.optimizers.shampoo import Shampoo
from keras_kd.optimizers.slowed import Slowed
from keras_kd.optimizers.spliced import Spliced
from keras_kd.utils.names import nearest

__all__ = [
    "AdamW",
    "Shampoo",
    "Slowed",
    "Spliced",
    "WarmupCosine",
    "WarmupQuadratic",
    "WarmupStaircase",
    "build",
    "make_schedule",
]

OPTIMIZERS = {
    "adamw": AdamW,
    "shampoo": Shampoo,
    "adam": keras.optimizers.Adam,
    "sgd": keras.optimizers.SGD,
}
DECAYING = ("adamw", "shampoo")
DEFAULTS = {"sgd": {"momentum": 0.9}}


def make_schedule(name, learning_rate, total_steps, warmup_steps=0, **further):
    """Makes a learning rate that warms up and decays.

    Args:
        name: `cosine`, `quadratic` or `staircase`, see `WarmupCosine` and its like.
        learning_rate: peak rate.
        total_steps: steps of the run.
        warmup_steps: steps of linear warm-up.
        **further: what only this schedule has: `decay_at` of `staircase`; `first_rate` and
            `last_rate` of the others.

    Returns:
        a `keras.optimizers.schedules.LearningRateSchedule`.

    Raises:
        ValueError: unknown name, or impossible steps.
    """
    if name not in SCHEDULES:
        raise ValueError(
            f"A schedule must be one of {', '.join(SCHEDULES)}. "
            f"Received: schedule={name!r}.{nearest(name, SCHEDULES)}"
        )
    return SCHEDULES[name](learning_rate, total_steps, warmup_steps, **further)


def build(name, learning_rate, weight_decay=0.0, clip=0.0, options=None):
    """Makes an optimizer.

    Args:
        name: `adamw`, `shampoo`, `adam` (without decay) or `sgd` (momentum 0.9, not Nesterov's,
            unless the options say otherwise).
        learning_rate: a constant rate above 0, or a schedule that tells its `peak_learning_rate`.
        weight_decay: for `adamw` and `shampoo`, see `AdamW`; must be 0 for the others.
        clip: largest global norm of the gradients; 0 for none.
        options: dict of further arguments of the optimizer's constructor, such as `epsilon`.

    Returns:
        a `keras.optimizers.Optimizer`.

    Raises:
        ValueError: an unknown name or option, an impossible value, or a weight decay that the
            optimizer would ignore.
    """
    if name not in OPTIMIZERS:
        raise ValueError(
            f"An optimizer must be one of {', '.join(OPTIMIZERS)}. "
            f"Received: name={name!r}.{nearest(name, OPTIMIZERS)}"
        )
    if weight_decay and name not in DECAYING:
        raise ValueError(
            f"Only {' and '.join(DECAYING)} have weight decay. "
            f"Received: name={name!r}, weight_decay={weight_decay}."
        )
    options = dict(options or {})
    options_of.check(name, OPTIMIZERS[name], options)
    decay = {"weight_decay": weight_decay} if name in DECAYING else {}
    options = {**DEFAULTS.get(name, {}), **options}
    return OPTIMIZERS[name](learning_rate, global_clipnorm=clip or None, **decay, **options)
