"""Attention maps after every stage.

Paper: Zagoruyko, Komodakis 2017, arXiv 1612.03928.
Command: keras-kd-train --config=configs/methods/attention_transfer.py \\
    --workdir=workdir/attention_transfer --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment, taps


def get_config():
    """The shared experiment with this method."""
    # The peers' weight.
    return experiment(
        "attention_transfer",
        {"attention_transfer": {**taps("stage1", "stage2", "stage3"), "weight": 1000.0}},
    )
