"""Regression of the teacher's logits, without labels.

Paper: Ba, Caruana 2014, arXiv 1312.6184.
Command: keras-kd-train --config=configs/methods/logit_l2.py \\
    --workdir=workdir/logit_l2 --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment


def get_config():
    """The shared experiment with this method."""
    return experiment("logit_l2", {"logit_l2": {}}, label_weight=0.0)
