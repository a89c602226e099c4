"""Digits, two networks that learn together from the least confident of both, in views of their own.

Paper: Guo et al. 2020, "Online Knowledge Distillation via Collaborative Learning", CVPR.
Command: keras-kd-train --config=configs/schemes/kdcl.py --workdir=workdir/kdcl
Published result: a ResNet-50 and a MobileNetV2 on ImageNet have 78.2 and 74.0 %, 1.4 and 2.0 more
than alone (Guo et al.); none on digits, which are here to show the scheme.
"""

from keras_kd.config import network
from keras_kd.configs.schemes import scheme


def get_config(target="min_logit"):
    """The demo's student and a wider peer.

    Args:
        target: naive, linear, min_logit or general.
    """
    config = scheme("kdcl", {"kdcl": {"source": ("peer",), "target": target}})
    student = config.student.model.kwargs.to_dict()
    config.peer = network("resnet", **{**student, "width": 1.5})
    config.distil.learners = ("peer",)
    return config
