"""Accuracy, fidelity and calibration of finished models: pure functions, and one pass over data."""

from keras_kd.evaluation.accuracy import accuracy, binary_accuracy, right_decisions, top1
from keras_kd.evaluation.calibration import expected_calibration_error
from keras_kd.evaluation.compare import fidelity, teacher_answers
from keras_kd.evaluation.fidelity import agreement, kl_divergence, l2_distance

__all__ = [
    "accuracy",
    "agreement",
    "binary_accuracy",
    "expected_calibration_error",
    "fidelity",
    "kl_divergence",
    "l2_distance",
    "right_decisions",
    "teacher_answers",
    "top1",
]
