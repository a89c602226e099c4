"""What is there for a run that is planned: splits, pretrained weights, a teacher's own size."""

import os
from pathlib import Path

from keras_kd.models import zoo, zoo_weights
from keras_kd.models.efficientnet_lite import variant_of
from keras_kd.teachers import kinds

WEIGHTS = "efficientnet_lite*.npz"
NOTHING = "none"  # config.budget.weights: start from nothing, whatever lies there


def splits(counts, data):
    """Which splits to train and to evaluate on, where the source has not those of the config.

    Args:
        counts: dict of the source's splits -> number of images.
        data: section of the config.

    Returns:
        dict of `train_split` and `eval_split` where they are to be changed.
    """
    if "train" not in counts or data.eval_split != "test" or "test" in counts:
        return {}
    if "validation" in counts:
        return {"eval_split": "validation"}
    if data.train_split != "train":
        return {}
    return {"train_split": "train[:80%]", "eval_split": "train[80%:]"}


def found_weights(config):
    """Pretrained weights for a teacher, a path or a handle; empty where there are none.

    Raises:
        ValueError: a file that is not there.
    """
    asked = config.budget.weights
    if asked == NOTHING:
        return ""
    if asked:
        if ":" not in asked and not os.path.exists(asked):
            raise ValueError(
                "config.budget.weights must be a file of pretrained weights, a handle, empty or "
                f"{NOTHING}. Received: budget.weights={asked!r}, which is not there."
            )
        return asked
    scheme, _, folder = config.data.source.partition(":")
    places = [Path.cwd()] + ([Path(folder), Path(folder).parent] if scheme == "folder" else [])
    found = [str(path) for place in places for path in sorted(place.glob(WEIGHTS))]
    if found:
        return found[0]
    fetched = zoo_weights.fetched()
    return f"{zoo.SCHEME}{fetched}" if fetched else ""


def teacher_network(weights, short):
    """What the section of a teacher that is to be trained holds: dict of `model`, and of `init`.

    Args:
        weights: `.npz` of EfficientNet-Lite, another file or handle that brings its network, or
            empty.
        short: median short side of the images in pixels.

    Raises:
        ValueError: an `.npz` of another network.
    """
    if weights.endswith(".npz"):
        variant = variant_of(weights)
        if variant is None:
            raise ValueError(
                "config.budget.weights must be an .npz file of EfficientNet-Lite 0 to 4, or bring "
                f"its network. Received: budget.weights={weights!r}, of another network. BiT's "
                "are weights=bit:NAME; for a file of another, set config.teacher.model and "
                "config.teacher.init."
            )
        kwargs = {"variant": variant, "weights": weights}
        return {"model": {"name": "efficientnet_lite", "kwargs": kwargs}}
    if weights:
        return {"model": {"name": "", "kwargs": {}}, "init": weights}
    if short < 96:
        options = {"norm": "batch", "dropout": 0.0}
        return {"model": {"name": "resnet", "kwargs": {"depth": 14, "width": 2.0, **options}}}
    return {"model": {"name": "mobilenet_v3_large", "kwargs": {"momentum": 0.9}}}


def own_side(handle):
    """Side in pixels of the images that the network of a handle takes; 0 where it takes any."""
    kind = kinds.find(handle) if handle else None
    return 0 if kind is None else kind.side(handle)
