"""FitNets' hint at the middle.

Paper: Romero et al. 2015, arXiv 1412.6550.
Command: keras-kd-train --config=configs/methods/hint.py \\
    --workdir=workdir/hint --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment, taps


def get_config():
    """The shared experiment with this method."""
    # The peers' weight and projector.
    return experiment("hint", {"hint": {**taps("stage2"), "normalize": True, "weight": 100.0}})
