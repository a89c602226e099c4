"""Decoupled distillation.

Paper: Zhao et al. 2022, arXiv 2203.08679.
Command: keras-kd-train --config=configs/methods/dkd.py \\
    --workdir=workdir/dkd --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment


def get_config():
    """The shared experiment with this method."""
    # The peers' setting for pairs of plain CIFAR ResNets; the warm-up is as long a share of the
    # run, 20 / 240.
    return experiment(
        "dkd", {"dkd": {"alpha": 1.0, "beta": 2.0, "temperature": 4.0, "warmup": "8.3 percent"}}
    )
