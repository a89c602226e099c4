"""Variational information after every stage.

Paper: Ahn et al. 2019, arXiv 1904.05835.
Command: keras-kd-train --config=configs/methods/vid.py \\
    --workdir=workdir/vid --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment, taps


def get_config():
    """The shared experiment with this method."""
    # The peers' weight, 1.
    return experiment("vid", {"vid": taps("stage1", "stage2", "stage3")})
