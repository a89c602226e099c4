"""Digits, three networks that learn together: no teacher, each learns from the other two.

The student and a peer are alike but for their first weights, the other peer is wider.

Paper: Zhang et al. 2018, "Deep Mutual Learning", arXiv 1706.00384.
Command: keras-kd-train --config=configs/schemes/mutual_learning.py --workdir=workdir/mutual
Published result: a ResNet-32 on CIFAR-100 has 68.99 % alone and 71.19 % beside another one; none
on digits, which are here to show the scheme in two minutes.
"""

from keras_kd.config import network
from keras_kd.configs.schemes import scheme


def get_config():
    """The demo's student and two peers."""
    config = scheme("mutual_learning", {"mutual_learning": {"source": ("peer", "wide")}})
    student = config.student.model.kwargs.to_dict()
    config.peer = network("resnet", **student)
    config.wide = network("resnet", **{**student, "width": 1.5})
    config.distil.learners = ("peer", "wide")
    return config
