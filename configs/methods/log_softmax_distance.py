"""Distance of log-probabilities, without labels.

Paper: Beyer et al. 2021, arXiv 2106.05237.
Command: keras-kd-train --config=configs/methods/log_softmax_distance.py \\
    --workdir=workdir/log_softmax_distance --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment


def get_config():
    """The shared experiment with this method."""
    return experiment("log_softmax_distance", {"log_softmax_distance": {}}, label_weight=0.0)
