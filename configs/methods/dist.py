"""Correlation between and within classes.

Paper: Huang et al. 2022, arXiv 2205.10536.
Command: keras-kd-train --config=configs/methods/dist.py \\
    --workdir=workdir/dist --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment


def get_config():
    """The shared experiment with this method."""
    # The paper's temperature for CIFAR, the peers' weight.
    return experiment("dist", {"dist": {"temperature": 4.0, "weight": 2.0}})
