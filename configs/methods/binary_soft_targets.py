"""Each class for itself, on data that have one an example: soft targets, one class against all.

Paper: Yang et al. 2023, arXiv 2308.06453.
Command: keras-kd-train --config=configs/methods/binary_soft_targets.py \\
    --workdir=workdir/binary_soft_targets --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment


def get_config():
    """The shared experiment with this method."""
    # The paper's weights.
    return experiment("binary_soft_targets", {"binary_soft_targets": {"weight": 10.0}}, 1.0)
