"""How the student learns: recipe-faithful optimizers and schedules.

`build` makes an optimizer from what a config says: a name, a peak rate and the length of the run.
"""

import keras

from keras_kd.names import nearest
from keras_kd.optimizers.adamw import AdamW
from keras_kd.optimizers.schedules import WarmupCosine
from keras_kd.optimizers.shampoo import Shampoo

__all__ = ["AdamW", "Shampoo", "WarmupCosine", "build"]


def build(name, learning_rate, total_steps, warmup_steps=0, weight_decay=0.0, clip=0.0):
    """Makes an optimizer with warm-up and cosine decay.

    Args:
        name: `adamw`, `shampoo`, `adam` (without decay) or `sgd` (Nesterov-free momentum 0.9).
        learning_rate: peak rate.
        total_steps: steps of the run.
        warmup_steps: steps of linear warm-up.
        weight_decay: for `adamw` and `shampoo`, see `AdamW`; must be 0 for the others.
        clip: largest global norm of the gradients; 0 for none.

    Returns:
        a `keras.optimizers.Optimizer`.

    Raises:
        ValueError: unknown name, or a decay that the optimizer would ignore.
    """
    schedule = WarmupCosine(learning_rate, total_steps, warmup_steps)
    clip = clip or None
    builders = {
        "adamw": lambda: AdamW(schedule, weight_decay=weight_decay, global_clipnorm=clip),
        "shampoo": lambda: Shampoo(schedule, weight_decay=weight_decay, global_clipnorm=clip),
        "adam": lambda: keras.optimizers.Adam(schedule, global_clipnorm=clip),
        "sgd": lambda: keras.optimizers.SGD(schedule, momentum=0.9, global_clipnorm=clip),
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
