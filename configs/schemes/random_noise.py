"""Digits, a student that sees nothing but noise: what every data-free method must beat.

Paper: Chen et al. 2019 (its baseline), arXiv 1904.01186.
Command: keras-kd-train --config=configs/schemes/random_noise.py --workdir=workdir/random_noise
    With a teacher that is there, and no training image at all: ...random_noise.py:teacher.keras
Published result: 88 % on MNIST, the teacher has 98.9 %.
"""

from keras_kd.configs.schemes import data_free


def get_config(teacher=""):
    """The demo's student.

    Args:
        teacher: file of a teacher of the digits; empty: one is trained.
    """
    return data_free("random_noise", teacher=teacher)
