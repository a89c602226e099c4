"""Digits, three branches on one trunk, taught by their gated mixture; the first one leaves.

Paper: Lan et al. 2018, "Knowledge Distillation by On-the-Fly Native Ensemble", arXiv 1806.04606.
Command: keras-kd-train --config=configs/schemes/one.py --workdir=workdir/one
Published result: a ResNet-32 on CIFAR-100 errs on 26.61 % instead of 31.18 %; none on digits,
which are here to show the scheme.
"""

from keras_kd.configs.schemes import scheme


def get_config():
    """The demo's student, branched before its last section."""
    return scheme("one", {"one": {"student_taps": ("stage2",), "warmup": "27 percent"}})
