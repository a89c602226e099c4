"""BiT-HyperRule: how to fine-tune a pretrained network, told by the data alone.

The rule needs nothing but the number of training examples and the size of the images. Paper and
published code differ in two places, and `source` chooses: the crops of large images (384 px of 448
in the paper, 480 of 512 in the code), and where the rate falls on small data (30, 60 and 90 % of
the steps in the paper, 40, 60 and 80 % in the code). The paper does not tell its warm-up; the
code's serves for both. As in the code, images are resized to a square, whatever their shape, and
randomly cropped: the modes `same/sc` and `mix/sc`; evaluate with `data.eval_full_image`.

Paper: Kolesnikov et al. 2020, "Big Transfer (BiT)", arXiv 1912.11370, section 3.3; code:
google-research/big_transfer, `bit_hyperrule.py`.
"""

from typing import NamedTuple

from keras_kd.utils.names import nearest

SOURCES = ("paper", "code")
LEARNING_RATE = 0.003  # at a batch of
BATCH_SIZE = 512
# From how many examples on: steps, steps of warm-up, alpha of mixup (0 for none).
LENGTHS = ((500_000, 20_000, 500, 0.1), (20_000, 10_000, 500, 0.1), (1, 500, 100, 0.0))
DECAY_PERCENT = (30, 60, 90)
SMALL_DECAY_PERCENT = {"paper": DECAY_PERCENT, "code": (40, 60, 80)}
SMALL_AREA = 96 * 96  # below it an image is small, px
SMALL_CROP = (160, 128)
LARGE_CROP = {"paper": (448, 384), "code": (512, 480)}
R152X4_CROP = (512, 480)


class Rule(NamedTuple):
    """What the rule says of a data set.

    Attributes:
        steps: length of the training.
        warmup: steps of linear warm-up.
        decay_at: steps after which the rate falls to a tenth.
        mixup_alpha: Beta(alpha, alpha) of the mixing coefficient; 0 for no mixup.
        resize: side in pixels of the square that an image is brought to.
        crop: side in pixels of the random crop of it, the network's resolution.
    """

    steps: int
    warmup: int
    decay_at: tuple
    mixup_alpha: float
    resize: int
    crop: int


def hyperrule(num_examples, image_size, source="paper", largest=False):
    """The rule for a data set.

    Args:
        num_examples: training examples, at least 1.
        image_size: a typical image's side in pixels, or (height, width).
        source: "paper" or "code".
        largest: whether the network is R152x4, which the paper gives large images of 480 px.

    Returns:
        a `Rule`.

    Raises:
        ValueError: an unknown source, or no data.
    """
    if source not in SOURCES:
        raise ValueError(
            f"source must be one of {', '.join(SOURCES)}. "
            f"Received: source={source!r}.{nearest(source, SOURCES)}"
        )
    height, width = image_size if isinstance(image_size, tuple | list) else (image_size,) * 2
    if min(num_examples, height, width) < 1:
        raise ValueError(
            "num_examples and image_size must be at least 1. "
            f"Received: num_examples={num_examples}, image_size={image_size}."
        )
    _, steps, warmup, alpha = next(row for row in LENGTHS if num_examples >= row[0])
    percent = SMALL_DECAY_PERCENT[source] if steps == LENGTHS[-1][1] else DECAY_PERCENT
    crop = R152X4_CROP if largest else LARGE_CROP[source]
    resize, side = SMALL_CROP if height * width < SMALL_AREA else crop
    decay_at = tuple(steps * share // 100 for share in percent)
    return Rule(steps, warmup, decay_at, alpha, resize, side)


def apply(settings, num_examples, image_size, batch_size, source="paper", largest=False):
    """Sets a stage up by the rule, in place.

    Warm-up and decay are written as percentages, so that a stage whose `total` is changed keeps
    the rule's shape. The resolution is the run's: set `config.data.resolution` (or
    `teacher_resolution`) to the rule's `crop`.

    Args:
        settings: a stage's section of the config, see `keras_kd.config.stage`.
        num_examples, image_size, source, largest: as in `hyperrule`.
        batch_size: examples a step; the rate is linear in it. A reference such as
            `config.get_ref("batch_size").to_float()` lets the rate follow the config.

    Returns:
        the `Rule`.

    Raises:
        ValueError: as `hyperrule`.
    """
    rule = hyperrule(num_examples, image_size, source, largest)

    def percent(step):
        return f"{100 * step / rule.steps:g} percent"

    settings.update(
        optimizer="sgd",  # with momentum 0.9
        weight_decay=0.0,
        clip=0.0,
        schedule="staircase",
        total=f"{rule.steps} steps",
        warmup=percent(rule.warmup),
        decay_at=tuple(map(percent, rule.decay_at)),
        label_weight=1.0,
        mode="mix/sc" if rule.mixup_alpha else "same/sc",
        mixup_alpha=rule.mixup_alpha or 1.0,
        rc_scale=rule.resize / rule.crop,
    )
    settings.optimizer_options = {}
    settings.learning_rate = batch_size / BATCH_SIZE * LEARNING_RATE
    return rule
