"""Digits with relations: soft targets, and distances and angles between the examples of a batch.

Paper: Park et al. 2019, arXiv 1904.05068.
Command: keras-kd-train --config=configs/rkd.py --workdir=workdir/rkd
"""

from keras_kd.configs import digits


def get_config():
    """The demo's config with a second method."""
    config = digits.get_config()
    config.name = "rkd"
    config.distil.methods = {
        "soft_targets": {"temperature": 2.0},
        "relational_kd": {
            "student_taps": ["pre_logits"], "teacher_taps": ["pre_logits"], "weight": 0.01,
        },
    }  # fmt: skip
    return config
