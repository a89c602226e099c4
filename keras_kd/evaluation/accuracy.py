"""Accuracy for labels in any form."""

import keras
from keras import ops

from keras_kd.models.output import two_classes


def label_classes(labels, num_classes):
    """The (heaviest) class of each example.

    Args:
        labels: int `[B]` or `[B, 1]`, or class probabilities `[B, K]`.
        num_classes: K >= 2.

    Returns:
        int32 `[B]`.
    """
    mixed = len(labels.shape) == 2 and labels.shape[1] == num_classes
    classes = ops.argmax(labels, axis=-1) if mixed else ops.reshape(labels, (-1,))
    return ops.cast(classes, "int32")


def top1(labels, logits):
    """1 where the largest logit is the (heaviest) label, else 0.

    Args:
        labels: int `[B]` or `[B, 1]`, or class probabilities `[B, K]`.
        logits: `[B, K]`; one logit z is two classes, [0, z].

    Returns:
        float32 `[B]`.
    """
    logits = two_classes(logits)
    classes = label_classes(labels, logits.shape[1])
    return ops.cast(ops.argmax(logits, axis=-1) == classes, "float32")


def right_decisions(labels, logits):
    """Share of the classes whose logit has the sign that the label asks for.

    Args:
        labels: rows of 0 and 1 `[B, K]`, or of probabilities, of which 1/2 and above count as 1.
        logits: `[B, K]`, each class for itself.

    Returns:
        float32 `[B]`.
    """
    there = ops.cast(labels, "float32") >= 0.5
    return ops.mean(ops.cast((logits > 0) == there, "float32"), axis=-1)


def binary_accuracy():
    """A metric named `binary_accuracy`, for labels of which several may hold at once."""
    return keras.metrics.MeanMetricWrapper(right_decisions, name="binary_accuracy")


def accuracy():
    """A metric named `accuracy`, a share from 0 to 1."""
    return keras.metrics.MeanMetricWrapper(top1, name="accuracy")
