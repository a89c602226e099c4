"""Digits from three teachers, whose answers become one's by a combination of choice.

Three networks of different size and first weights learn from the labels; the student follows them
by `config.distil.combine`: one drawn at every step, a mean, or weighted example by example.

Paper: Fukuda et al. 2017, "Efficient Knowledge Distillation from an Ensemble of Teachers" (one
drawn at random); Zhang et al. 2022, arXiv 2201.00007 (confidence); the survey of Gou et al. 2020,
arXiv 2006.05525, section 4.
Command: keras-kd-train --config=configs/several_teachers.py:confidence \\
    --workdir=workdir/several
Published result: none on digits, which are here to compare combinations in minutes; no
combination is promised to win.
"""

from keras_kd.config import network, stage
from keras_kd.configs import digits

TEACHERS = {"first": (14, 1.0), "second": (8, 2.0), "third": (8, 1.0)}  # depth and width
AT_TEMPERATURE = ("mean_probabilities", "entropy", "confidence")  # which take one


def get_config(combine="random_teacher"):
    """The demo's config with three teachers.

    Args:
        combine: name of a combination, see `keras_kd.teachers.combine`.
    """
    config = digits.get_config()
    config.name = "several_teachers"
    options = {"norm": "batch", "synchronized": False, "dropout": 0.0}
    for seed, (name, (depth, width)) in enumerate(TEACHERS.items()):
        config[name] = network("resnet", depth=depth, width=width, **options)
        config[name].train = stage(
            mode="same/ic", total="15 epochs", interval="5 epochs", seed=seed
        )
    config.stages = (*TEACHERS, "baseline", "distil")
    config.distil.teachers = tuple(TEACHERS)
    config.distil.combine.name = combine
    if combine in AT_TEMPERATURE:
        config.distil.combine.kwargs = {"temperature": 2.0}
    return config
