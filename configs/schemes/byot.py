"""Digits, a network whose last section teaches the sections before it.

Paper: Zhang et al. 2019, "Be Your Own Teacher", arXiv 1905.08094.
Command: keras-kd-train --config=configs/schemes/byot.py --workdir=workdir/byot
Published result: the last of four classifiers of a ResNet-18 on CIFAR-100 has 78.64 %, the network
alone 77.09 %; none on digits, which are here to show the scheme.
"""

from keras_kd.configs.schemes import scheme


def get_config():
    """The demo's student, whose first two sections have exits, which leave with it."""
    exits = {"student_taps": ("stage1", "stage2"), "exits": ("stage1", "stage2")}
    exits |= {"features": "pre_logits", "hint_weight": 0.003}
    return scheme("byot", {"byot": exits})
