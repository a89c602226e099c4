"""The labels alone, each class for itself: what binary soft targets must beat on this base.

Paper: the label loss of Yang et al. 2023, arXiv 2308.06453.
Command: keras-kd-train --config=configs/methods/binary_labels.py \\
    --workdir=workdir/binary_labels --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment


def get_config():
    """The shared experiment with this method."""
    return experiment("binary_labels", {"binary_labels": {}}, label_weight=0.0)
