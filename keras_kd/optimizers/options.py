"""What a config may hand to an optimizer's constructor: `optimizer_options` of a stage."""

import inspect
import math
import re

import keras

from keras_kd.utils.names import nearest

# Arguments that another key of the stage gives.
GIVEN = {
    **dict.fromkeys(("learning_rate", "peak_learning_rate"), "learning_rate"),
    "weight_decay": "weight_decay",
    **dict.fromkeys(("clipnorm", "clipvalue", "global_clipnorm"), "clip"),
    **dict.fromkeys(("use_ema", "ema_momentum", "ema_overwrite_frequency"), "ema"),
}
# What a run decides by itself: float16 scales the loss, and names are for several optimizers.
WITHHELD = ("self", "name", "loss_scale_factor")


def _is(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool)


def _is_share(value):
    return 0.0 <= value < 1.0


def _is_pattern(value):
    try:
        return bool(re.compile(value))
    except re.error:
        return False


# By the type of the default. A bool is an int too, and so comes first.
KINDS = {
    bool: (lambda value: isinstance(value, bool), "True or False"),
    int: (lambda value: _is(value, int), "an integer"),
    float: (lambda value: _is(value, int | float) and math.isfinite(value), "a finite number"),
    str: (lambda value: isinstance(value, str), "a string"),
}
# What Keras's own optimizers would take in silence; ours check the rest of theirs.
RANGES = {
    "beta_1": (_is_share, "in [0, 1)"),
    "beta_2": (_is_share, "in [0, 1)"),
    "momentum": (_is_share, "in [0, 1)"),
    "epsilon": (lambda value: value > 0.0, "above 0"),
    "decay_filter": (_is_pattern, "a regular expression"),
    "gradient_accumulation_steps": (
        lambda value: _is(value, int) and value >= 2,
        "an integer of at least 2",
    ),
}


def known(optimizer):
    """The options of an optimizer: what its constructors take and no other key gives.

    Args:
        optimizer: subclass of `keras.optimizers.Optimizer`.

    Returns:
        dict from name to default, sorted.
    """
    found = {}
    for cls in optimizer.__mro__:
        if issubclass(cls, keras.optimizers.Optimizer) and "__init__" in vars(cls):
            for name, parameter in inspect.signature(cls.__init__).parameters.items():
                if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                    found.setdefault(name, parameter.default)
    return {name: found[name] for name in sorted(found) if name not in {*GIVEN, *WITHHELD}}


def check(name, optimizer, options):
    """Refuses options that the optimizer does not have, and values of another kind.

    Args:
        name: the optimizer's name in the config.
        optimizer: subclass of `keras.optimizers.Optimizer`.
        options: dict from name to value.

    Raises:
        ValueError: names the options there are, what was received and the nearest.
    """
    there = known(optimizer)
    for option, value in options.items():
        if option in GIVEN:
            raise ValueError(
                "An option must not be one that another key of the stage gives. "
                f"Received: {option}={value!r}. Set {GIVEN[option]} of the stage instead."
            )
        if option not in there:
            raise ValueError(
                f"{name} has the options {', '.join(there)}. "
                f"Received: {option}={value!r}.{nearest(option, there)}"
            )
        _check_value(option, value, there[option])


def _check_value(option, value, default):
    kind = next((kind for kind in KINDS if isinstance(default, kind)), None)
    holds, wanted = KINDS[kind] if kind else (lambda value: True, "")
    if holds(value) and option in RANGES:
        holds, wanted = RANGES[option]
    if not holds(value):
        raise ValueError(f"{option} must be {wanted}. Received: {option}={value!r}.")
