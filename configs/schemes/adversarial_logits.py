"""Digits, a student whose logits a critic takes for the teacher's.

Paper: Xu et al. 2018, arXiv 1709.00513.
Command: keras-kd-train --config=configs/schemes/adversarial_logits.py \
    --workdir=workdir/adversarial_logits
Published result: none on digits, which are here to show the scheme in two minutes.
"""

from keras_kd.configs.schemes import adversarial


def get_config():
    """The demo's teacher and student."""
    return adversarial("adversarial_logits")
