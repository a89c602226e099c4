"""The teacher's decisions as labels, half and half with the true ones.

Paper: Touvron et al. 2021, arXiv 2012.12877.
Command: keras-kd-train --config=configs/methods/hard_labels.py \\
    --workdir=workdir/hard_labels --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment


def get_config():
    """The shared experiment with this method."""
    # The paper's setting.
    return experiment("hard_labels", {"hard_labels": {"weight": 0.5}}, label_weight=0.5)
