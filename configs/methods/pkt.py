"""Probabilities of neighbours.

Paper: Passalis, Tefas 2018, arXiv 1803.10837.
Command: keras-kd-train --config=configs/methods/pkt.py \\
    --workdir=workdir/pkt --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment, taps


def get_config():
    """The shared experiment with this method."""
    # The peers' weight.
    return experiment("pkt", {"pkt": {**taps("pre_logits"), "weight": 30000.0}})
