"""Digits with a hint: soft targets and the teacher's middle features (FitNets).

Paper: Romero et al. 2015, arXiv 1412.6550.
Command: keras-kd-train --config=configs/hint.py --workdir=workdir/hint
"""

from keras_kd.configs import digits


def get_config():
    """The demo's config with a second method."""
    config = digits.get_config()
    config.name = "hint"
    config.distil.methods = {
        "soft_targets": {"temperature": 2.0},
        "hint": {"student_taps": ["stage2"], "teacher_taps": ["stage2"], "weight": 0.1},
    }
    return config
