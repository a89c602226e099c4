"""The labels alone, as a method: what distillation must beat on this base.

Paper: Hinton et al. 2015, arXiv 1503.02531, whose loss has them as its other part.
Command: keras-kd-train --config=configs/methods/labels.py \\
    --workdir=workdir/labels --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment


def get_config():
    """The shared experiment with this method."""
    return experiment("labels", {"labels": {}}, label_weight=0.0)
