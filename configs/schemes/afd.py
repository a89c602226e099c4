"""Digits, two networks that learn together, each with a critic of its features.

Paper: Chung et al. 2020, arXiv 2002.01775.
Command: keras-kd-train --config=configs/schemes/afd.py --workdir=workdir/afd
Published result: none on digits, which are here to show the scheme in two minutes.
"""

from keras_kd.config import network
from keras_kd.configs.schemes import scheme


def get_config():
    """The demo's student and a peer like it."""
    taps = {"student_taps": ["stage3"], "teacher_taps": ["stage3"]}
    config = scheme("afd", {"afd": {**taps, "weight": 0.1}})
    config.peer = network("resnet", **config.student.model.kwargs.to_dict())
    config.distil.learners = ("peer",)
    for name in ("student_critic", "peer_critic"):
        config.distil.optimizers[name] = {"learning_rate": 1e-3, "weight_decay": 0.0}
    return config
