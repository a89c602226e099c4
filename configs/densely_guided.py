"""Digits by way of two assistants, each of which learns from all that are larger than it.

The chain of configs/assistant.py, but nobody follows the one before alone: at every step one of the
larger networks, drawn at random, is left out, and the mean of the others teaches.

Paper: Son et al. 2021, "Densely Guided Knowledge Distillation using Multiple Teacher Assistants",
arXiv 2009.08825. Its student learns from the answers alone, as here.
Command: keras-kd-train --config=configs/densely_guided.py --workdir=workdir/densely_guided
Published result: none on digits, which are here to show the chain in minutes.
"""

from keras_kd.config import network, stage
from keras_kd.configs import digits

ASSISTANTS = {"larger": 1.0, "smaller": 0.5}  # width


def get_config():
    """The demo's config with two stages between, and a student of a quarter of its width."""
    config = digits.get_config()
    config.name = "densely_guided"
    options = {"norm": "batch", "synchronized": False, "dropout": 0.0}
    settled = {"methods": {"soft_targets": {"temperature": 2.0}}, "label_weight": 0.0}
    names = ["teacher"]
    for name, width in ASSISTANTS.items():
        config[name] = network("resnet", depth=8, width=width, **options)
        config[name].train = stage(
            teachers=tuple(names), mode="mix", total="40 epochs", interval="5 epochs", **settled
        )
        names.append(name)
    config.stages = (*names, "baseline", "distil")
    config.student.model.kwargs.width = 0.25
    config.distil.update(teachers=tuple(names), total="60 epochs")
    for section in (config[names[-1]].train, config.distil):  # of those with several teachers
        section.combine.name = "drop_teachers"
        section.combine.kwargs = {"drop": 1, "temperature": 2.0}
    return config
