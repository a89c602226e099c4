"""Similarities between examples in the last map.

Paper: Tung, Mori 2019, arXiv 1907.09682.
Command: keras-kd-train --config=configs/methods/similarity_preserving.py \\
    --workdir=workdir/similarity_preserving --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment, taps


def get_config():
    """The shared experiment with this method."""
    # The peers' weight.
    return experiment(
        "similarity_preserving", {"similarity_preserving": {**taps("stage3"), "weight": 3000.0}}
    )
