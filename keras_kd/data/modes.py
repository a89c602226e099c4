"""The teaching modes of function matching: names for lists of image ops.

Reference: L. Beyer et al., "Knowledge distillation: A good teacher is patient and consistent",
2021, arXiv:2106.05237, section 3.
"""

import re
import string

from keras_kd.utils.crops import CROP_AREA, CROP_ASPECT, EVAL_SCALE
from keras_kd.utils.names import nearest

# What is not random is the image as it is: not mirrored either.
_MILD = "random_crop({rc_scale}){flip}"
_SQUASHED = "squashed_crop({rc_scale}){flip}"
_INCEPTION = "inception_crop({crop_area},{crop_aspect}){flip}"
_MIXUP = "mixup({mixup_alpha})"

# A mode is a row: the arguments of `keras_kd.data.views.Views`, with the options left open.
PAPER_MODES = {
    "fix/rs": {"student": "whole_image", "fixed": "whole_image"},
    "fix/cc": {"student": _MILD, "fixed": "central_crop({rc_scale})"},
    "fix/ic_ens": {"student": _INCEPTION, "fixed": _INCEPTION},
    "same/rc": {"student": _MILD},
    "same/ic": {"student": _INCEPTION},
    "ind/rc": {"student": _MILD, "teacher": _MILD},
    "ind/ic": {"student": _INCEPTION, "teacher": _INCEPTION},
    "mix": {"student": _INCEPTION, "mix": _MIXUP},
}
MODES = {
    **PAPER_MODES,
    # Fine-tuning by BiT-HyperRule, see `keras_kd.config.hyperrule`.
    "mix/rc": {"student": _MILD, "mix": _MIXUP},
    "same/sc": {"student": _SQUASHED},
    "mix/sc": {"student": _SQUASHED, "mix": _MIXUP},
}

# Options of a mode with their defaults, which are the paper's.
DEFAULTS = {
    "flip": True,
    "crop_area": CROP_AREA,
    "crop_aspect": CROP_ASPECT,
    "rc_scale": EVAL_SCALE,
    "mixup_alpha": 1.0,
}
_ONE, _PAIR = r"[^,()]+", r"[^,()]+,[^,()]+"
_FORMS = {
    "flip": r"(?:\|flip)?",
    "crop_area": _PAIR,
    "crop_aspect": _PAIR,
    "rc_scale": _ONE,
    "mixup_alpha": _ONE,
}


def texts(name, options):
    """The ops of a mode.

    Args:
        name: a key of `MODES`.
        options: dict of what differs from `DEFAULTS`.

    Returns:
        dict of `student`, and of `teacher`, `mix` and `fixed` where the mode has them -> text.

    Raises:
        ValueError: an unknown mode or option, with the nearest that there is, or a bad value.
    """
    if not isinstance(name, str) or name not in MODES:
        raise ValueError(
            f"mode must be one of {', '.join(MODES)}. Received: mode={name!r}."
            f"{nearest(name, MODES)}"
        )
    for option in options:
        if option not in DEFAULTS:
            raise ValueError(
                f"The options of a mode are {', '.join(DEFAULTS)}. Received: {option}="
                f"{options[option]!r}.{nearest(option, DEFAULTS)}"
            )
    values = _checked(**{**DEFAULTS, **options})
    return {key: text.format(**values) for key, text in MODES[name].items()}


def seen(row):
    """What the teacher's answers depend on: its own view, or the student's, and the mixing.

    Args:
        row: dict of role -> text or ops, as the rows of `MODES`.
    """
    role = next(role for role in ("fixed", "teacher", "student") if role in row)
    return {key: row[key] for key in (role, "mix") if key in row}


def named(found, part=dict):
    """The mode, and its options, of these texts.

    Args:
        found: dict of role -> text.
        part: function of a row to the part of it that `found` is to be compared with.

    Returns:
        (name, dict of the options that these texts depend on), or None.
    """
    for name, row in MODES.items():
        row = part(row)
        if found.keys() == row.keys():
            matches = [re.fullmatch(_pattern(row[role]), text) for role, text in found.items()]
            if all(matches):
                options = {k: v for match in matches for k, v in match.groupdict().items()}
                return name, {option: _value(option, text) for option, text in options.items()}
    return None


def _pattern(template):
    pieces = string.Formatter().parse(template)
    return "".join(
        re.escape(plain) + (f"(?P<{option}>{_FORMS[option]})" if option else "")
        for plain, option, *_ in pieces
    )


def _value(option, text):
    if option == "flip":
        return bool(text)
    values = tuple(map(float, text.split(",")))
    return values if len(values) > 1 else values[0]


def _checked(flip, crop_area, crop_aspect, rc_scale, mixup_alpha):
    """The options as text."""
    if flip not in (True, False):
        raise ValueError(f"flip must be True or False. Received: flip={flip!r}")
    return {
        "flip": "|flip" if flip else "",
        "crop_area": _pair("crop_area", crop_area, 1.0),
        "crop_aspect": _pair("crop_aspect", crop_aspect, float("inf")),
        "rc_scale": _number("rc_scale", rc_scale, "finite and at least 1", lambda v: v >= 1),
        "mixup_alpha": _number("mixup_alpha", mixup_alpha, "a positive number", lambda v: v > 0),
    }


def _number(name, value, what, holds):
    try:
        number = float("nan" if isinstance(value, str | bool) else value)
    except TypeError:
        number = float("nan")
    if not (holds(number) and number < float("inf")):
        raise ValueError(f"{name} must be {what}. Received: {name}={value!r}")
    return repr(number)


def _pair(name, value, top):
    try:
        low, high = (float(bound) for bound in value)
        valid = 0 < low <= high <= top and high < float("inf")
    except (TypeError, ValueError):
        valid = False
    if not valid:
        limit = "" if top == float("inf") else f" <= {top:g}"
        raise ValueError(
            f"{name} must be two numbers with 0 < lowest <= highest{limit}. "
            f"Received: {name}={value!r}"
        )
    return f"{low!r},{high!r}"
