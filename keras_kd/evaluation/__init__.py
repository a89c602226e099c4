"""Accuracy and fidelity of finished models; pure functions on logits, and one pass over data."""

from keras_kd.evaluation.fidelity import agreement, fidelity, kl_divergence

__all__ = ["agreement", "fidelity", "kl_divergence"]
