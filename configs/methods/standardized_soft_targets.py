"""Soft targets of standardised logits.

Paper: Sun et al. 2024, arXiv 2403.01427.
Command: keras-kd-train --config=configs/methods/standardized_soft_targets.py \\
    --workdir=workdir/standardized_soft_targets --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment


def get_config():
    """The shared experiment with this method."""
    # The paper's setting.
    return experiment(
        "standardized_soft_targets",
        {"soft_targets": {"temperature": 2.0, "standardize": True, "weight": 9.0}},
        label_weight=0.1,
    )
