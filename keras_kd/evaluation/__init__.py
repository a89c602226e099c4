"""Accuracy and fidelity of finished models; pure functions on logits, and one pass over data."""

from keras_kd.evaluation.accuracy import accuracy, top1
from keras_kd.evaluation.fidelity import agreement, fidelity, kl_divergence

__all__ = ["accuracy", "agreement", "fidelity", "kl_divergence", "top1"]
