"""Digits, born again: the student teaches a network like itself, and both of them the next one.

Generation after generation of one network, each with other first weights; the last generation here
follows the mean of the two before. The report also tells how often the mean of all generations'
logits is right.

Paper: Furlanello et al. 2018, "Born-Again Neural Networks", arXiv 1805.04770.
Command: keras-kd-train --config=configs/born_again.py --workdir=workdir/born_again
Published result: an error of 15.5 % on CIFAR-100 (an ensemble of generations of DenseNets) and of
3.5 % on CIFAR-10; none on digits, which are here to show the chain in minutes.
"""

from keras_kd.config import stage
from keras_kd.configs import digits


def get_config():
    """The demo's config with two more generations."""
    config = digits.get_config()
    config.name = "born_again"
    again = {
        "methods": {"soft_targets": {"temperature": 1.0}},
        "label_weight": 0.0,
        "mode": "mix",
        "total": "60 epochs",
        "interval": "5 epochs",
    }
    config.again = stage(teachers=("distil",), seed=1, **again)
    config.third = stage(teachers=("distil", "again"), seed=2, **again)
    config.stages = ("teacher", "baseline", "distil", "again", "third")
    config.ensemble = ("distil", "again", "third")
    config.distil.total = "60 epochs"
    return config
