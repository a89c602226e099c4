"""Factors of the last map.

Paper: Kim et al. 2018, arXiv 1802.04977.
Command: keras-kd-train --config=configs/methods/factor_transfer.py \\
    --workdir=workdir/factor_transfer --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment, taps


def get_config():
    """The shared experiment with this method."""
    # The authors' weight on CIFAR-10.
    return experiment("factor_transfer", {"factor_transfer": {**taps("stage3"), "weight": 500.0}})
