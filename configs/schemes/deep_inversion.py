"""Digits without a digit: a generator gives the teacher's batch norms their statistics.

Paper: Yin et al. 2020, arXiv 1912.08795.
Command: keras-kd-train --config=configs/schemes/deep_inversion.py --workdir=workdir/deep_inversion
    With a teacher that is there, and no training image at all: ...deep_inversion.py:teacher.keras
Published result: 83.0 % on CIFAR-10 (WRN-40-2 to WRN-16-1), by 2,000 steps an image.
"""

from keras_kd.configs.schemes import data_free


def get_config(teacher=""):
    """The demo's student.

    Args:
        teacher: file of a teacher of the digits; empty: one is trained.
    """
    return data_free("deep_inversion", teacher=teacher)
