"""Digits without a digit: a generator seeks images on which the student is wrong.

Paper: Micaelli, Storkey 2019, arXiv 1905.09768.
Command: keras-kd-train --config=configs/schemes/zskt.py --workdir=workdir/zskt
    With a teacher that is there, and no training image at all: ...zskt.py:teacher.keras
Published result: 83.7 % on CIFAR-10 (WRN-40-2 to WRN-16-1), the teacher has 94.9 %.
"""

from keras_kd.configs.schemes import data_free


def get_config(teacher=""):
    """The demo's student.

    Args:
        teacher: file of a teacher of the digits; empty: one is trained.
    """
    return data_free("zskt", teacher=teacher, rate=3e-4)
