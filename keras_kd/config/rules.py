"""Which values a config may hold: tables of (key, condition, words), and the one who reads them."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from keras_kd.utils.lengths import steps

EXPORT_INPUTS = ("int8", "uint8", "float32")
EXPORT_OUTPUTS = ("logits", "probabilities")


class Rule(NamedTuple):
    """A condition on one value.

    Attributes:
        key: dotted, below the section that the table is for.
        holds: function of the value, whether it may be.
        words: what it must be, as the end of "config.KEY must be ...".
    """

    key: str
    holds: Callable[[Any], bool]
    words: str


def is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_share_range(area):
    return len(area) == 2 and all(map(is_number, area)) and 0.0 < area[0] <= area[1] <= 1.0


def _is_range(pair):
    return not len(pair) or (
        len(pair) == 2 and all(map(is_number, pair)) and bool(pair[0] < pair[1])
    )


def _one_of(*names):
    return (lambda value: value in names), f"one of {', '.join(names)}"


RUN = (
    Rule("batch_size", lambda v: v >= 1, "at least 1"),
    Rule("steps_per_execution", lambda v: v >= 1, "at least 1"),
    Rule("precision", *_one_of("float32", "mixed_bfloat16", "mixed_float16")),
    Rule("xla", *_one_of("auto", "on", "off")),
    Rule("checkpoint.keep", lambda v: v >= 1, "at least 1"),
    Rule("seed", lambda v: 0 <= v < 2**31, "at least 0 and below 2**31"),
    Rule("budget.minutes", lambda v: 0 <= v < math.inf, "at least 0 (0 for no budget)"),
    Rule("data.resolution", lambda v: v >= 4, "at least 4 px"),
    Rule(
        "data.teacher_resolution",
        lambda v: v == 0 or v >= 4,
        "0 (the student's) or at least 4 px",
    ),
    Rule("data.labels_per_class", lambda v: v >= 0, "at least 0 (0 for all labels)"),
    Rule("data.eval_batch_size", lambda v: v >= 1, "at least 1"),
    Rule("data.eval_scale", lambda v: 1 <= v < math.inf, "finite and at least 1"),
    Rule("data.eval_resize", *_one_of("bilinear", "bicubic_antialias")),
    Rule("data.exif", *_one_of("ignore", "apply")),
    Rule("data.allow_bad", lambda v: 0.0 <= v <= 1.0, "a share between 0 and 1"),
    Rule(
        "data.crop_area",
        _is_share_range,
        "a pair (smallest, largest) with 0 < smallest <= largest <= 1",
    ),
    Rule("export.calibration_images", lambda v: v >= 1, "at least 1"),
    Rule("export.io", *_one_of(*EXPORT_INPUTS)),
    Rule("export.output", *_one_of(*EXPORT_OUTPUTS)),
    Rule("export.min_agreement", lambda v: 0.0 <= v <= 1.0, "a share between 0 and 1"),
)
NETWORK = (Rule("input_range", _is_range, "empty or a pair (lowest, highest)"),)
STAGE = (
    Rule("seed", lambda v: 0 <= v < 2**31, "at least 0 and below 2**31"),
    Rule("learning_rate", lambda v: 0 < v < math.inf, "finite and above 0"),
    Rule("first_rate", lambda v: 0 <= v < math.inf, "finite and at least 0"),
    Rule("last_rate", lambda v: 0 <= v < math.inf, "finite and at least 0"),
    Rule("weight_decay", lambda v: 0 <= v < 1, "at least 0 and below 1"),
    Rule("clip", lambda v: v >= 0, "at least 0 (0 for none)"),
    Rule("ema", lambda v: 0 <= v < 1, "at least 0 (0 for none) and below 1"),
    Rule("label_weight", lambda v: 0 <= v < math.inf, "finite and at least 0"),
    Rule("mixup_alpha", lambda v: 0 < v < math.inf, "finite and above 0"),
    Rule("repeats", lambda v: v >= 1, "at least 1 (1: each image once in a batch)"),
    Rule("rc_scale", lambda v: 1 <= v < math.inf, "finite and at least 1"),
)


def value_at(config, key):
    """The value of a dotted key."""
    for part in key.split("."):
        config = config[part]
    return config


def require(condition, config, key, words):
    """Refuses the value of a key.

    Args:
        condition: whether it may stay.
        config: ConfigDict of a run.
        key: dotted.
        words: what it must be.

    Raises:
        ValueError: names the key, what it must be, and what was received.
    """
    if not condition:
        received = value_at(config, key)
        raise ValueError(f"config.{key} must be {words}. Received: {key}={received!r}.")


def follow(rules, config, path=""):
    """Refuses the first value that breaks a rule.

    Args:
        rules: iterable of `Rule`.
        config: ConfigDict of a run.
        path: dotted path of the section that the rules are for; empty for the whole.

    Raises:
        ValueError: see `require`.
    """
    for rule in rules:
        key = f"{path}.{rule.key}" if path else rule.key
        require(rule.holds(value_at(config, key)), config, key, rule.words)


def require_length(length, config, key, total=1000, least=1):
    """Refuses what is no length such as "10 epochs".

    Args:
        length: the value, or one of several values, of the key.
        config: ConfigDict of a run.
        key: dotted.
        total: steps of the whole, for percentages; None where there is none.
        least: steps that it must have.
    """
    try:
        count = steps(length, batch_size=1, num_examples=1000, total=total)
    except ValueError as error:
        raise ValueError(f"config.{key}: {error}") from error
    require(count >= least, config, key, "longer than nothing")
