"""Soft targets alone, the yardstick of the others.

Paper: Hinton et al. 2015, arXiv 1503.02531.
Command: keras-kd-train --config=configs/methods/soft_targets.py \\
    --workdir=workdir/soft_targets --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment


def get_config():
    """The shared experiment with this method."""
    # The peers' CIFAR setting.
    return experiment(
        "soft_targets", {"soft_targets": {"temperature": 4.0, "weight": 0.9}}, label_weight=0.1
    )
