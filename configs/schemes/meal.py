"""Digits, a student whose features a critic takes for the teacher's.

Paper: Shen et al. 2019, arXiv 1812.02425.
Command: keras-kd-train --config=configs/schemes/meal.py --workdir=workdir/meal
Published result: none on digits, which are here to show the scheme in two minutes.
"""

from keras_kd.configs.schemes import adversarial


def get_config():
    """The demo's teacher and student."""
    return adversarial(
        "meal",
        {
            "student_taps": ["stage1", "stage3"],
            "teacher_taps": ["stage1", "stage3"],
            "weight": 0.03,  # beside labels of weight 1: with 1 it ends far below them
        },
    )
