"""The overhaul: every stage before its ReLU.

Paper: Heo et al. 2019, arXiv 1904.01866.
Command: keras-kd-train --config=configs/methods/ofd.py \\
    --workdir=workdir/ofd --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import before_relu, experiment


def get_config():
    """The shared experiment with this method."""
    # The peers' weight.
    return experiment("ofd", {"ofd": {**before_relu(1, 2, 3), "weight": 1e-3}})
