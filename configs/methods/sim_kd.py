"""The teacher's classifier reused, without labels.

Paper: Chen et al. 2022, arXiv 2203.14001.
Command: keras-kd-train --config=configs/methods/sim_kd.py \\
    --workdir=workdir/sim_kd --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment, taps


def get_config():
    """The shared experiment with this method."""
    # The paper's setting.
    return experiment("sim_kd", {"sim_kd": taps("stage3")}, label_weight=0.0)
