"""What teacher and student see: the teaching modes of function matching, as a table.

Reference: L. Beyer et al., "Knowledge distillation: A good teacher is patient and consistent",
2021, arXiv:2106.05237, section 3.
"""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data import ops
from keras_kd.data.random_streams import stream_seed, uniform
from keras_kd.names import nearest


@dataclass(frozen=True)
class Mode:
    """One teaching mode.

    Attributes:
        student: name of the crop of the student's view, a key of `CROPS`.
        teacher: name of the crop of the teacher's own view; None where it sees the student's.
        mixup: whether the batch is mixed.
    """

    student: str
    teacher: str | None = None
    mixup: bool = False


# A mode is a row. Modes of a fixed teacher (`fix/*`) need the teacher's stored logits beside the
# student's crop, and so one more column.
MODES = {
    "same/rc": Mode("random_crop"),
    "same/ic": Mode("inception_crop"),
    "ind/rc": Mode("random_crop", teacher="random_crop"),
    "ind/ic": Mode("inception_crop", teacher="inception_crop"),
    "mix": Mode("inception_crop", mixup=True),
}

# Crop -> function of sizes [B, 2], a seed and the settings, giving boxes [B, 4].
CROPS = {
    "random_crop": lambda sizes, seed, settings: ops.random_crop_boxes(
        sizes, seed, settings.rc_scale
    ),
    "inception_crop": lambda sizes, seed, settings: ops.inception_crop_boxes(
        sizes, seed, settings.crop_area, settings.crop_aspect
    ),
}


@dataclass(frozen=True)
class ViewSettings:
    """How strong the random views are.

    Attributes:
        flip: whether half of the images are mirrored.
        crop_area: bounds of the area of an inception crop, fractions in (0, 1].
        crop_aspect: bounds of its width over height, positive.
        rc_scale: resized short side over the side of a random crop, at least 1.
    """

    flip: bool = True
    crop_area: tuple = (0.05, 1.0)
    crop_aspect: tuple = (3 / 4, 4 / 3)
    rc_scale: float = 8 / 7

    def __post_init__(self):
        _check_range("crop_area", self.crop_area, 1.0)
        _check_range("crop_aspect", self.crop_aspect, float("inf"))
        if not 1 <= self.rc_scale < float("inf"):
            raise ValueError(f"rc_scale must be at least 1. Received: rc_scale={self.rc_scale!r}")


def _check_range(name, value, top):
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


def find_mode(name):
    """The row of a mode.

    Raises:
        ValueError: if there is no such mode; the message names the nearest.
    """
    if name not in MODES:
        raise ValueError(
            f"mode must be one of {', '.join(MODES)}. Received: mode={name!r}."
            f"{nearest(name, MODES)}"
        )
    return MODES[name]


def draw_views(mode, sizes, seed, step, settings):
    """Boxes and flips of a whole batch.

    Args:
        mode: a `Mode`.
        sizes: int32 `[B, 2]`, of the global batch.
        seed: int, the seed of the run.
        step: int64 scalar.
        settings: `ViewSettings`.

    Returns:
        dict of role (`student`, and `teacher` where it has a view of its own) ->
        `(boxes int32 [B, 4], flips bool [B])`.
    """
    crops = {"student": mode.student, "teacher": mode.teacher}
    return {
        role: (
            CROPS[crop](sizes, stream_seed(seed, f"{role} crop", step), settings),
            _flips(sizes, stream_seed(seed, f"{role} flip", step), settings.flip),
        )
        for role, crop in crops.items()
        if crop is not None
    }


def _flips(sizes, seed, enabled):
    count = tf.shape(sizes)[:1]
    return uniform(count, seed) < 0.5 if enabled else tf.zeros(count, tf.bool)
