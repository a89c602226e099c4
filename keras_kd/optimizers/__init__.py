"""How the student learns: recipe-faithful optimizers and schedules.

`build` makes an optimizer from what a config says: a name, a peak rate, a schedule and the length
of the run.
"""

import keras

from keras_kd.names import nearest
from keras_kd.optimizers.adamw import AdamW
from keras_kd.optimizers.schedules import SCHEDULES, WarmupCosine, WarmupStaircase
from keras_kd.optimizers.shampoo import Shampoo
from keras_kd.optimizers.spliced import Spliced

__all__ = [
    "AdamW",
    "Shampoo",
    "Spliced",
    "WarmupCosine",
    "WarmupStaircase",
    "build",
    "make_schedule",
]


def make_schedule(name, learning_rate, total_steps, warmup_steps=0, decay_at=()):
    """Makes a learning rate that warms up and decays.

    Args:
        name: `cosine` or `staircase`, see `WarmupCosine` and `WarmupStaircase`.
        learning_rate: peak rate.
        total_steps: steps of the run.
        warmup_steps: steps of linear warm-up.
        decay_at: for `staircase`, the steps after which the rate falls to a tenth.

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
    stairs = {"decay_at": decay_at} if name == "staircase" else {}
    return SCHEDULES[name](learning_rate, total_steps, warmup_steps, **stairs)


def build(
    name,
    learning_rate,
    total_steps=1,
    warmup_steps=0,
    weight_decay=0.0,
    clip=0.0,
    schedule="cosine",
    decay_at=(),
):
    """Makes an optimizer whose rate warms up and decays.

    Args:
        name: `adamw`, `shampoo`, `adam` (without decay) or `sgd` (Nesterov-free momentum 0.9).
        learning_rate: peak rate, or a schedule that tells its `peak_learning_rate`; then no other
            argument of the schedule counts.
        total_steps: steps of the run.
        warmup_steps: steps of linear warm-up.
        weight_decay: for `adamw` and `shampoo`, see `AdamW`; must be 0 for the others.
        clip: largest global norm of the gradients; 0 for none.
        schedule: `cosine` or `staircase`, see `make_schedule`.
        decay_at: for `staircase`, the steps after which the rate falls to a tenth.

    Returns:
        a `keras.optimizers.Optimizer`.

    Raises:
        ValueError: unknown name or schedule, impossible steps, or a weight decay that the optimizer
            would ignore.
    """
    rate = learning_rate
    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        rate = make_schedule(schedule, rate, total_steps, warmup_steps, decay_at)
    clip = clip or None
    builders = {
        "adamw": lambda: AdamW(rate, weight_decay=weight_decay, global_clipnorm=clip),
        "shampoo": lambda: Shampoo(rate, weight_decay=weight_decay, global_clipnorm=clip),
        "adam": lambda: keras.optimizers.Adam(rate, global_clipnorm=clip),
        "sgd": lambda: keras.optimizers.SGD(rate, momentum=0.9, global_clipnorm=clip),
    }
    if name not in builders:
        raise ValueError(
            f"An optimizer must be one of {', '.join(builders)}. "
            f"Received: name={name!r}.{nearest(name, builders)}"
        )
    if weight_decay and name not in ("adamw", "shampoo"):
        raise ValueError(
            "Only adamw and shampoo have weight decay. "
            f"Received: name={name!r}, weight_decay={weight_decay}."
        )
    return builders[name]()
