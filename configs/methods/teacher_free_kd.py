"""A virtual teacher as a regulariser.

Paper: Yuan et al. 2020, arXiv 1909.11723.
Command: keras-kd-train --config=configs/methods/teacher_free_kd.py \\
    --workdir=workdir/teacher_free_kd --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment


def get_config():
    """The shared experiment with this method."""
    # The public code's 0.1: its factor of 100 undoes the mean over CIFAR-100's classes.
    return experiment("teacher_free_kd", {"teacher_free_kd": {"weight": 0.1}}, label_weight=0.9)
