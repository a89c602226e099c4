"""Distances and angles between examples.

Paper: Park et al. 2019, arXiv 1904.05068.
Command: keras-kd-train --config=configs/methods/relational_kd.py \\
    --workdir=workdir/relational_kd --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment, taps


def get_config():
    """The shared experiment with this method."""
    # The peers' setting: 25 for distances, 50 for angles.
    return experiment("relational_kd", {"relational_kd": taps("pre_logits")})
