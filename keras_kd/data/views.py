"""What teacher and student see: the teaching modes of function matching, as a table.

Reference: L. Beyer et al., "Knowledge distillation: A good teacher is patient and consistent",
2021, arXiv:2106.05237, section 3.
"""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data import ops
from keras_kd.data.random_streams import stream_seed, uniform
from keras_kd.utils.names import nearest


@dataclass(frozen=True)
class Mode:
    """One teaching mode.

    Attributes:
        student: name of the crop of the student's view, a key of `CROPS`.
        teacher: name of the crop of the teacher's own view; None where it sees the student's.
        mixup: whether the batch is mixed.
        fixed: name of the crop that the teacher saw when its targets were computed, once an
            example; None where it sees every batch. See `keras_kd.data.fixed`.
    """

    student: str
    teacher: str | None = None
    mixup: bool = False
    fixed: str | None = None

    @property
    def averaged(self):
        """Whether a fixed target is the mean over many crops: its crop is a random one."""
        return self.fixed in RANDOM_CROPS


# A mode is a row.
MODES = {
    "fix/rs": Mode("whole_image", fixed="whole_image"),
    "fix/cc": Mode("random_crop", fixed="central_crop"),
    "fix/ic_ens": Mode("inception_crop", fixed="inception_crop"),
    "same/rc": Mode("random_crop"),
    "same/ic": Mode("inception_crop"),
    "ind/rc": Mode("random_crop", teacher="random_crop"),
    "ind/ic": Mode("inception_crop", teacher="inception_crop"),
    "mix": Mode("inception_crop", mixup=True),
    # Not the paper's: fine-tuning by BiT-HyperRule, see `keras_kd.config.hyperrule`.
    "mix/rc": Mode("random_crop", mixup=True),
    "same/sc": Mode("squashed_crop"),
    "mix/sc": Mode("squashed_crop", mixup=True),
}
FINE_TUNING = ("mix/rc", "same/sc", "mix/sc")

# Crop -> function of sizes [B, 2], a seed and the settings, giving boxes [B, 4].
CROPS = {
    "whole_image": lambda sizes, seed, settings: ops.full_boxes(sizes),
    "central_crop": lambda sizes, seed, settings: ops.central_boxes(sizes, settings.rc_scale),
    "random_crop": lambda sizes, seed, settings: ops.random_crop_boxes(
        sizes, seed, settings.rc_scale
    ),
    "squashed_crop": lambda sizes, seed, settings: ops.random_crop_boxes(
        sizes, seed, settings.rc_scale, square=False
    ),
    "inception_crop": lambda sizes, seed, settings: ops.inception_crop_boxes(
        sizes, seed, settings.crop_area, settings.crop_aspect
    ),
}

# Half of these are mirrored, too; what is not random is the image as it is.
RANDOM_CROPS = ("random_crop", "squashed_crop", "inception_crop")

MOST_CROPS = 2**20  # of one example, that an example's number leaves room for


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
        ops.check_scale("rc_scale", self.rc_scale)


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
        role: _draw(role, crop, sizes, seed, step, settings)
        for role, crop in crops.items()
        if crop is not None
    }


def draw_fixed_views(mode, sizes, ids, numbers, seed, settings):
    """Boxes and flips of what a teacher of a mode `fix/*` sees: the same whoever stands beside it.

    Args:
        mode: a `Mode` with a `fixed` crop.
        sizes: int32 `[B, 2]`.
        ids: int64 `[B]`, the examples' ids, at least 0.
        numbers: int64 `[B]`, which crop of each example, in [0, `MOST_CROPS`).
        seed: int, the seed of the run.
        settings: `ViewSettings`.

    Returns:
        `(boxes int32 [B, 4], flips bool [B])`.
    """
    counters = tf.cast(ids, tf.int64) * MOST_CROPS + numbers
    return _draw("fixed", mode.fixed, sizes, seed, counters, settings)


def _draw(role, crop, sizes, seed, counter, settings):
    """Boxes and flips of one role, from one counter for the batch, or one for each row."""
    flip = settings.flip and crop in RANDOM_CROPS
    return (
        CROPS[crop](sizes, stream_seed(seed, f"{role} crop", counter), settings),
        _flips(sizes, stream_seed(seed, f"{role} flip", counter), flip),
    )


def _flips(sizes, seed, enabled):
    count = tf.shape(sizes)[:1]
    return uniform(count, seed) < 0.5 if enabled else tf.zeros(count, tf.bool)
