"""Correlations between examples.

Paper: Peng et al. 2019, arXiv 1904.01802.
Command: keras-kd-train --config=configs/methods/correlation_congruence.py \\
    --workdir=workdir/correlation_congruence --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment, taps


def get_config():
    """The shared experiment with this method."""
    # The weight of Knowledge-Distillation-Zoo on CIFAR-10 for this very formula; RepDistiller's
    # 0.02 belongs to another. The paper's 0.003 would be lost beside the labels: after a ReLU all
    # correlations lie in [0.449, 0.953], so that the weighted loss could not exceed 0.0008.
    return experiment(
        "correlation_congruence",
        {"correlation_congruence": {**taps("pre_logits"), "weight": 100.0}},
    )
