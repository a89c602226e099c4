"""Relations between the places of the last two stages, in eight heads.

Of a transformer the taps are a block's queries, keys and values; here, where all methods share two
convolutional networks, the stages stand for them.

Paper: Wang et al. 2021, arXiv 2012.15828.
Command: keras-kd-train --config=configs/methods/attention_relation.py \\
    --workdir=workdir/attention_relation --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment, taps


def get_config():
    """The shared experiment with this method."""
    return experiment(
        "attention_relation",
        {"attention_relation": {**taps("stage2", "stage3"), "heads": 8}},
    )
