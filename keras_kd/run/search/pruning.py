"""Which students are not worth trying to the end.

Optuna's own pruners compare one objective. Here a student is behind only if another is better in
all: no larger, no slower, and closer to the teacher at the same step by more than chance makes.
"""

import math
from typing import NamedTuple

ERRORS = 2.0  # standard errors of an agreement that count as chance


class Rival(NamedTuple):
    """What is known of another student.

    Attributes:
        curve: list of its agreements, one a look.
        bytes: of its file.
        ms: milliseconds of an image.
    """

    curve: list
    bytes: int
    ms: float


def rivals(trials, asked):
    """The `Rival` of each trial that was tried.

    Args:
        trials: list of `optuna.trial.FrozenTrial`.
        asked: `keras_kd.run.search.story.Asked`.
    """
    found = []
    for one in trials:
        if curve := one.user_attrs.get("curve"):
            file = one.user_attrs["files"][asked.formats[0]]
            found.append(Rival(curve, file["bytes"], file["ms"]))
    return found


def is_behind(curve, measured, others, count):
    """Whether a student is behind another at its last look.

    Args:
        curve: its agreements so far, shares in [0, 1].
        measured: its `keras_kd.run.search.bench.Measured` file.
        others: list of `Rival`.
        count: images on which the agreements were measured.
    """
    look, own = len(curve) - 1, curve[-1]
    return any(
        other.bytes <= measured.bytes
        and other.ms <= measured.ms
        and len(other.curve) > look
        and other.curve[look] - own > ERRORS * math.sqrt(_variance(own, other.curve[look], count))
        for other in others
    )


def _variance(own, other, count):
    """Of the difference of two shares of as many images."""
    return (own * (1 - own) + other * (1 - other)) / count
