"""Neuron selectivity after every stage.

Paper: Huang, Wang 2017, arXiv 1707.01219.
Command: keras-kd-train --config=configs/methods/nst.py \\
    --workdir=workdir/nst --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment, taps


def get_config():
    """The shared experiment with this method."""
    # The peers' weight.
    return experiment("nst", {"nst": {**taps("stage1", "stage2", "stage3"), "weight": 50.0}})
