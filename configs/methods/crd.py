"""Contrast with all other examples.

Paper: Tian et al. 2020, arXiv 1910.10699.
Command: keras-kd-train --config=configs/methods/crd.py \\
    --workdir=workdir/crd --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment, taps


def get_config():
    """The shared experiment with this method."""
    # The peers' weight; fewer negatives than their 16384, as there are 5,000 examples.
    bank = {"num_examples": 5000, "first_id": 10_000, "negatives": 4096}  # `test` is numbered first
    return experiment("crd", {"crd": {**taps("pre_logits"), **bank, "weight": 0.8}})
