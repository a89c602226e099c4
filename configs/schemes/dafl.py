"""Digits without a digit: a generator makes images of which the teacher is sure.

Paper: Chen et al. 2019, arXiv 1904.01186.
Command: keras-kd-train --config=configs/schemes/dafl.py --workdir=workdir/dafl
    With a teacher that is there, and no training image at all: ...dafl.py:teacher.keras
Published result: 98.2 % on MNIST, the teacher has 98.9 %, noise gives 88.0 %.
"""

from keras_kd.configs.schemes import data_free


def get_config(teacher=""):
    """The demo's student.

    Args:
        teacher: file of a teacher of the digits; empty: one is trained.
    """
    return data_free("dafl", teacher=teacher)
